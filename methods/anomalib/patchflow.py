"""Patchflow in anomalib (anomalib): normalising flows of patch features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("tf_efficientnet_b5", description="name of the backbone in timm")
    flow_steps: int = Field(1, ge=1, description="steps of the flow")
    flow_feature_dim: int = Field(128, ge=1, description="channels that features are reduced to")
    flow_hidden_dim: int = Field(128, ge=1, description="hidden channels of the flow")
    lr: float = Field(1e-3, gt=0, description="step size")


class Detector(OptionalBackboneDetector[Params]):
    """Patchflow."""

    summary = "Patchflow: normalising flows of patch features (anomalib)"
    needs = "weights of the backbone (tf_efficientnet_b5) from Hugging Face"
    model_class = "Patchflow"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 96, "training_steps": 20}}
