"""gaussian: Mahalanobis distance from the normal images, in principal coordinates.

    A(x)^2 = (c - m)' S^-1 (c - m),     c = c(x)

m and S are mean and covariance of normal images; S is shrunk towards a multiple of the identity by the share that
Ledoit & Wolf (J. Multivariate Analysis 2004) show to be best, so that few images do not make it singular.
"""

from __future__ import annotations

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from .classical.coordinates import CoordinateDetector, CoordinateParams, Matrix


class Params(CoordinateParams):
    """How many coordinates."""


class Detector(CoordinateDetector[Params]):
    """One Gaussian."""

    summary = "Mahalanobis distance from the normal images, in principal coordinates"
    deterministic = True

    def learn(self, coordinates: Matrix, random: torch.Generator) -> dict[str, Tensor]:
        fitted = LedoitWolf().fit(coordinates)
        return {"location": torch.from_numpy(fitted.location_), "precision": torch.from_numpy(fitted.precision_)}

    def distance(self, coordinates: Tensor) -> Tensor:
        difference = coordinates - self.learnt["location"]
        squared = torch.einsum("ni,ij,nj->n", difference, self.learnt["precision"], difference)
        return squared.clamp_min(0).sqrt()
