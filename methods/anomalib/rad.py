"""Rad in anomalib (anomalib): nearest DINOv3 patches at like places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 448  # it looks at the central 448 pixels

    backbone: str = Field("vit_base_patch16_dinov3", description="name of the backbone in timm")
    k_image: int = Field(150, ge=1, description="nearest normal images whose patches are compared")
    pos_radius: int = Field(1, ge=0, description="how far a patch may have moved")
    max_ratio: float = Field(0.01, gt=0, le=1, description="share of the map that makes the image's score")


class Detector(OptionalBackboneDetector[Params]):
    """Rad."""

    summary = "Rad: nearest DINOv3 patches at like places (anomalib)"
    needs = "DINOv3 weights (vit_base_patch16_dinov3) from Hugging Face"
    model_class = "Rad"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "vit_small_patch16_dinov3"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"bank_images": 16}}
