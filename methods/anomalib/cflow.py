"""Cflow in anomalib (Gudovskiy, Ishizaka & Kozuka, WACV 2022): conditional normalising flows of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in timm")
    coupling_blocks: int = Field(8, ge=1, description="coupling blocks of each flow")
    condition_vector: int = Field(128, ge=4, description="numbers that tell a position")
    fiber_batch_size: int = Field(64, ge=1, description="positions that a step of the flows looks at together")
    lr: float = Field(1e-4, gt=0, description="Adam's step size")


class Detector(AnomalibDetector[Params]):
    """Cflow."""

    summary = "Cflow: conditional normalising flows of features (Gudovskiy et al. 2022)"
    needs = "weights of the backbone (wide_resnet50_2) from Hugging Face"
    model_class = "Cflow"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 64, "training_steps": 20, "coupling_blocks": 2, "fiber_batch_size": 8}
    }
