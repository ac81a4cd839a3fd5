"""Stfpm in anomalib (Wang, Han, Ding & Huang, BMVC 2021): a student that imitates the teacher's feature pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    backbone: str = Field("resnet18", description="name of the backbone in timm")


class Detector(AnomalibDetector[Params]):
    """Stfpm."""

    summary = "Stfpm: a student that imitates the teacher's feature pyramid (Wang et al. 2021)"
    needs = "weights of the backbone (resnet18) from Hugging Face"
    model_class = "Stfpm"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "training_steps": 60}}
