"""SuperADD in anomalib (anomalib): nearest DINOv3 patches of overlapping crops."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, BankParams


class Params(BankParams, BackboneParams):
    """As in anomalib."""

    backbone: str = Field("vit_huge_plus_patch16_dinov3", description="name of the backbone in timm")
    patch_size: int = Field(448, ge=16, description="size of the crops")
    patch_overlap: int = Field(16, ge=0, description="overlap of the crops")
    gaussian_blur_sigma: float = Field(4.0, ge=0, description="blur of the map")


class Detector(AnomalibDetector[Params]):
    """SuperADD."""

    summary = "SuperADD: nearest DINOv3 patches of overlapping crops (anomalib)"
    needs = "DINOv3 weights (vit_huge_plus_patch16_dinov3) from Hugging Face"
    model_class = "SuperADD"
