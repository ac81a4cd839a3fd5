"""Cfa in anomalib (Lee, Lee & Song, IEEE Access 2022): features coupled to hyperspheres around normal ones."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in torchvision")
    num_nearest_neighbors: int = Field(3, ge=1, description="nearest centres that attract")
    num_hard_negative_features: int = Field(3, ge=1, description="centres that repel")
    radius: float = Field(1e-5, gt=0, description="radius of the hyperspheres")


class Detector(AnomalibDetector[Params]):
    """Cfa."""

    summary = "Cfa: features coupled to hyperspheres around normal ones (Lee et al. 2022)"
    needs = "wide_resnet50_2 weights of torchvision"
    model_class = "Cfa"
