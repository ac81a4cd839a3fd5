"""UniNet in anomalib (Wei, Jiang & Xu, CVPR 2025): a student with contrastive and selected features."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    temperature: float = Field(0.1, gt=0, description="temperature of the contrastive loss")


class Detector(AnomalibDetector[Params]):
    """UniNet."""

    summary = "UniNet: a student with contrastive and selected features (Wei et al. 2025)"
    needs = "wide_resnet50_2 weights of torchvision"
    model_class = "UniNet"
