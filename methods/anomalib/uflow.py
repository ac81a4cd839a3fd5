"""Uflow in anomalib (Tailanian, Pardo & Musé, JMIV 2024): a U-shaped normalising flow."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    flow_steps: int = Field(4, ge=1, description="steps of the flow")
    affine_clamp: float = Field(2.0, gt=0, description="bound of a step's scaling")


class Detector(AnomalibDetector[Params]):
    """Uflow."""

    summary = "Uflow: a U-shaped normalising flow (Tailanian et al. 2024)"
    needs = "CaiT weights (cait_m48_448, cait_s24_224) from Hugging Face"
    model_class = "Uflow"
