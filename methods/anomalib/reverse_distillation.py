"""ReverseDistillation in anomalib (Deng & Li, CVPR 2022).

A student that rebuilds the teacher's features from its embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in timm")


class Detector(OptionalBackboneDetector[Params]):
    """ReverseDistillation."""

    summary = (
        "ReverseDistillation: a student that rebuilds the teacher's features from its embedding (Deng et al. 2022)"
    )
    needs = "weights of the backbone (wide_resnet50_2) from Hugging Face"
    model_class = "ReverseDistillation"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "resnet18"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "training_steps": 10}}
