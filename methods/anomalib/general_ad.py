"""GeneralAD in anomalib (Sträter, Salehi, Gavves, Snoek & Asano, ECCV 2024).

A discriminator of normal and distorted patch features.
"""

from __future__ import annotations

from pydantic import Field

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("vit_large_patch14_dinov2.lvd142m", description="name of the backbone in timm")
    hidden_dim: int = Field(2048, ge=1, description="hidden units of the discriminator")
    lr: float = Field(5e-4, gt=0, description="step size")
    noise_std: float = Field(0.25, gt=0, description="spread of the noise that distorts")
    top_k: int = Field(10, ge=1, description="patches that make the image's score")


class Detector(OptionalBackboneDetector[Params]):
    """GeneralAD."""

    summary = "GeneralAD: a discriminator of normal and distorted patch features (Sträter et al. 2024)"
    needs = "DINOv2 weights (vit_large_patch14_dinov2.lvd142m) from Hugging Face"
    model_class = "GeneralAD"
