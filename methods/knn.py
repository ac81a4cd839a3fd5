"""knn: mean distance to the nearest normal images, in principal coordinates (Ramaswamy et al., SIGMOD 2000).

    A(x) = 1/k sum of ||c(x) - c(x_i)|| over the k nearest of the normal images x_i

Coordinates are not scaled: distances are those of pixels, less what lies outside the principal components. With
``components=0`` nothing is left out: the distances are those of the pixels themselves.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from .classical.coordinates import CoordinateDetector, CoordinateParams, Matrix


class Params(CoordinateParams):
    """Neighbours, and how many images they are looked for among."""

    components: int = Field(64, ge=0, description="principal coordinates of an image; 0: its pixels, much slower")
    neighbours: int = Field(5, ge=1, description="nearest normal images whose distances are averaged")
    bank_images: int = Field(20_000, ge=1, description="normal images kept; larger sets are subsampled")


class Detector(CoordinateDetector[Params]):
    """Nearest neighbours."""

    summary = "mean distance to the nearest normal images, in principal coordinates"
    deterministic = True

    @property
    def most_learnt_from(self) -> int:
        return self.params.bank_images

    def learn(self, coordinates: Matrix, random: torch.Generator) -> dict[str, Tensor]:
        return {"bank": torch.from_numpy(coordinates.copy())}

    def distance(self, coordinates: Tensor) -> Tensor:
        bank = self.learnt["bank"]
        # Differences, not scalar products: these would make a distance depend on its batch in the last digits.
        distances = torch.cdist(coordinates, bank, compute_mode="donot_use_mm_for_euclid_dist")
        return distances.topk(min(self.params.neighbours, len(bank)), largest=False).values.mean(dim=1)
