"""Dfm in anomalib (Ahuja, Ndiour, Kalyanpur & Tickoo 2019).

Reconstruction error of features from their principal components.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 64  # of smaller ones, no feature is left to pool

    backbone: str = Field("resnet50", description="name of the backbone in timm")
    layer: str = Field("layer3", description="layer whose features are taken")
    pooling_kernel_size: int = Field(4, ge=1, description="pooling of the features")
    pca_level: float = Field(0.97, gt=0, lt=1, description="share of variance the components hold")


class Detector(OptionalBackboneDetector[Params]):
    """Dfm."""

    summary = "Dfm: reconstruction error of features from their principal components (Ahuja et al. 2019)"
    needs = "weights of the backbone (resnet50) from Hugging Face"
    model_class = "Dfm"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "resnet18"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "bank_images": 300}}
