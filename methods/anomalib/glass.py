"""Glass in anomalib (Chen, Luo, Lv & Zhang, ECCV 2024): anomalies made up in images and in features along gradients.

There is no ``pre_trained=False``: anomalib 2.7 then asks a backbone's name for its parameters and fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in timm")
    learning_rate: float = Field(1e-4, gt=0, description="step size")
    step: int = Field(20, ge=1, description="steps along the gradient")
    gaussian_noise_std: float = Field(0.015, gt=0, description="spread of the noise on features")


class Detector(AnomalibDetector[Params]):
    """Glass."""

    summary = "Glass: anomalies made up in images and in features along gradients (Chen et al. 2024)"
    needs = "weights of the backbone (wide_resnet50_2) from Hugging Face"
    model_class = "Glass"
    note = "without the textures of DTD: anomalies are made up in features alone"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"image_size": 64, "training_steps": 5}}
