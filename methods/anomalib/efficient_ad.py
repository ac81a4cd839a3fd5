"""EfficientAd in anomalib (Batzner, Heckler & König, WACV 2024): student, teacher and autoencoder."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    model_size: str = Field("small", description="small or medium")
    imagenet_dir: str = Field(
        "./datasets/imagenette", description="folder of ImageNette, whose images penalise the student"
    )
    lr: float = Field(1e-4, gt=0, description="Adam's step size")
    weight_decay: float = Field(1e-5, ge=0, description="Adam's weight decay")
    batch_size: int = Field(1, ge=1, le=1, description="images per step: one, as its authors have it")


class Detector(AnomalibDetector[Params]):
    """EfficientAd."""

    summary = "EfficientAd: student, teacher and autoencoder (Batzner et al. 2024)"
    needs = "the teacher (efficientad_pretrained_weights) in ~/.cache/anomalib/pre_trained and ImageNette"
    model_class = "EfficientAd"
    note = "scales its maps by quantiles of normal validation images, as its authors do"
