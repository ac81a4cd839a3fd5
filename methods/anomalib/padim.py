"""Padim in anomalib (Defard, Setkov, Loesch & Audigier, ICPR 2021): a Gaussian of features at each place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import BankParams, OptionalBackboneDetector, OptionalBackboneParams


class Params(BankParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("resnet18", description="name of the backbone in timm")
    n_features: int | None = Field(
        None, description="channels drawn at random; none: anomalib's number for the backbone"
    )


class Detector(OptionalBackboneDetector[Params]):
    """Padim."""

    summary = "Padim: a Gaussian of features at each place (Defard et al. 2021)"
    needs = "weights of the backbone (resnet18) from Hugging Face"
    model_class = "Padim"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "bank_images": 300}}
    checked_with: ClassVar[Mapping[str, Any]] = {"n_features": 4}
