"""Fastflow in anomalib (Yu, Zheng, Wang, Li, Wu, Zhao & Wu 2021): two-dimensional normalising flows of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("resnet18", description="name of the backbone in timm")
    flow_steps: int = Field(8, ge=1, description="steps of each flow")
    conv3x3_only: bool = Field(False, description="convolutions of 3x3 alone")
    hidden_ratio: float = Field(1.0, gt=0, description="hidden channels over input channels")


class Detector(OptionalBackboneDetector[Params]):
    """Fastflow."""

    summary = "Fastflow: two-dimensional normalising flows of features (Yu et al. 2021)"
    needs = "weights of the backbone (resnet18) from Hugging Face"
    model_class = "Fastflow"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 64, "training_steps": 60, "flow_steps": 2}
    }
