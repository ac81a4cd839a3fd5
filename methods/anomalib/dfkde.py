"""Dfkde in anomalib (anomalib): kernel density of pooled features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("resnet18", description="name of the backbone in timm")
    n_pca_components: int = Field(16, ge=1, description="principal components of the features")
    max_training_points: int = Field(40000, ge=1, description="points of the density")


class Detector(OptionalBackboneDetector[Params]):
    """Dfkde."""

    summary = "Dfkde: kernel density of pooled features (anomalib)"
    needs = "weights of the backbone (resnet18) from Hugging Face"
    model_class = "Dfkde"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "bank_images": 500}}
