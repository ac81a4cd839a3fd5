"""Patchcore in anomalib (Roth, Pemula, Zepeda, Schölkopf, Brox & Gehler, CVPR 2022).

Nearest patch features in a thinned-out bank.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in timm")
    coreset_sampling_ratio: float = Field(0.1, gt=0, le=1, description="share of the patches kept in the bank")
    num_neighbors: int = Field(9, ge=1, description="neighbours that weigh the image's score")


class Detector(OptionalBackboneDetector[Params]):
    """Patchcore."""

    summary = "Patchcore: nearest patch features in a thinned-out bank (Roth et al. 2022)"
    needs = "weights of the backbone (wide_resnet50_2) from Hugging Face"
    model_class = "Patchcore"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "resnet18"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "bank_images": 100}}
