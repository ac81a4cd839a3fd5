"""Dinomaly in anomalib (Guo, Lu, Zhang, Chen, Li & Liao, CVPR 2025): DINOv2 features rebuilt by a noisy decoder."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 392  # it looks at the central 392 pixels

    encoder_name: str = Field("vit_base_patch14_reg4_dinov2", description="name of the encoder")
    bottleneck_dropout: float = Field(0.2, ge=0, lt=1, description="dropout in the bottleneck")
    decoder_depth: int = Field(8, ge=1, description="layers of the decoder")


class Detector(AnomalibDetector[Params]):
    """Dinomaly."""

    summary = "Dinomaly: DINOv2 features rebuilt by a noisy decoder (Guo et al. 2025)"
    needs = "DINOv2 weights (vit_base_patch14_reg4_dinov2) from Hugging Face"
    model_class = "Dinomaly"
