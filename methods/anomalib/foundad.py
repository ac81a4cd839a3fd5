"""FoundAD in anomalib (Zhai, Yang, Bai, Wang, Zhao & Shao 2026).

A projector onto the manifold of normal features of a foundation model.
"""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    encoder_name: str = Field("dinov2_vit_base_14", description="name of the encoder")
    pred_depth: int = Field(6, ge=1, description="layers of the projector")
    top_k: int = Field(10, ge=1, description="patches that make the image's score")
    dropout: float = Field(0.2, ge=0, lt=1, description="dropout of the projector")


class Detector(AnomalibDetector[Params]):
    """FoundAD."""

    summary = "FoundAD: a projector onto the manifold of normal features of a foundation model (Zhai et al. 2026)"
    needs = "DINOv2 weights (dinov2_vit_base_14) from Hugging Face"
    model_class = "FoundAD"
