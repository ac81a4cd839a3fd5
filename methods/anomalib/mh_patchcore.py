"""MHPatchcore in anomalib (anomalib): PatchCore with whitened features and a bank of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 224  # it looks at the central 224 pixels

    backbone: str = Field("wide_resnet50_2.tv2_in1k", description="name of the backbone in timm")
    memory_bank_size: int = Field(1000, ge=1, description="patches remembered")
    local_coreset_size: int = Field(256, ge=1, description="patches taken from a batch")
    num_neighbors: int = Field(9, ge=1, description="neighbours that weigh the image's score")


class Detector(OptionalBackboneDetector[Params]):
    """MHPatchcore."""

    summary = "MHPatchcore: PatchCore with whitened features and a bank of bounded size (anomalib)"
    needs = "weights of the backbone (wide_resnet50_2.tv2_in1k) from Hugging Face"
    model_class = "MHPatchcore"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "resnet18"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"bank_images": 16, "memory_bank_size": 200}}
