"""L2BT in anomalib (Costanzino, Zama Ramirez, Lella, Ragaglia, Oliva, Lisanti & Di Stefano 2024).

Features of one depth told from another's.
"""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    lr: float = Field(1e-4, gt=0, description="step size")
    topk_ratio: float = Field(0.001, gt=0, le=1, description="share of the map that makes the image's score")


class Detector(AnomalibDetector[Params]):
    """L2BT."""

    summary = "L2BT: features of one depth told from another's (Costanzino et al. 2024)"
    needs = "DINO weights (vit_base_patch8_224.dino) from Hugging Face"
    model_class = "L2BT"
