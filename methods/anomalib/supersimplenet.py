"""Supersimplenet in anomalib (Rolih, Fučka & Skočaj, ICPR 2024).

A discriminator of features and made-up anomalous ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2.tv_in1k", description="name of the backbone in timm")
    perlin_threshold: float = Field(0.2, description="threshold of the noise that marks anomalous places")


class Detector(AnomalibDetector[Params]):
    """Supersimplenet."""

    summary = "Supersimplenet: a discriminator of features and made-up anomalous ones (Rolih et al. 2024)"
    needs = "weights of the backbone (wide_resnet50_2.tv_in1k) from Hugging Face"
    model_class = "Supersimplenet"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "training_steps": 20}}
