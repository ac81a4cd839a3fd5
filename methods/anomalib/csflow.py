"""Csflow in anomalib (Rudolph, Wehrbein, Rosenhahn & Wandt, WACV 2022): normalising flows across scales."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    n_coupling_blocks: int = Field(4, ge=1, description="coupling blocks of the flow")
    clamp: int = Field(3, ge=1, description="bound of a block's scaling")


class Detector(AnomalibDetector[Params]):
    """Csflow."""

    summary = "Csflow: normalising flows across scales (Rudolph et al. 2022)"
    needs = "efficientnet_b5 weights of torchvision"
    model_class = "Csflow"
