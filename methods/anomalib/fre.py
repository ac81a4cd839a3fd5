"""Fre in anomalib (Ndiour, Genc, Ahuja, Tickoo & others 2023): features rebuilt by a tied linear autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 64  # of smaller ones, no feature is left to pool

    backbone: str = Field("resnet50", description="name of the backbone in timm")
    layer: str = Field("layer3", description="layer whose features are taken")
    pooling_kernel_size: int = Field(2, ge=1, description="pooling of the features")
    input_dim: int = Field(65536, ge=1, description="numbers that the layer gives for an image, after pooling")
    latent_dim: int = Field(220, ge=1, description="numbers of a latent code")


class Detector(OptionalBackboneDetector[Params]):
    """Fre."""

    summary = "Fre: features rebuilt by a tied linear autoencoder (Ndiour et al. 2023)"
    needs = "weights of the backbone (resnet50) from Hugging Face"
    model_class = "Fre"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 64, "training_steps": 60, "input_dim": 4096}
    }
