"""iforest: isolation forest on principal coordinates (Liu, Ting & Zhou, ICDM 2008).

Trees cut the space of coordinates at random until each image stands alone; an anomalous image stands alone after few
cuts. The score is scikit-learn's, 2^(-mean depth / expected depth), turned so that higher is more anomalous. Each tree
sees ``tree_images`` images, as in the paper, so that many images cost no more than few.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from sklearn.ensemble import IsolationForest
from torch import Tensor

from .classical.coordinates import CoordinateDetector, CoordinateParams, Matrix


class Params(CoordinateParams):
    """Size of the forest."""

    trees: int = Field(200, ge=1, description="isolation trees")
    tree_images: int = Field(256, ge=2, description="images that each tree is grown on")
    bank_images: int = Field(20_000, ge=2, description="normal images the trees draw from; larger sets are subsampled")


class Detector(CoordinateDetector[Params]):
    """Isolation forest."""

    summary = "isolation forest on principal coordinates"
    checked_with: ClassVar[Mapping[str, Any]] = {**CoordinateDetector.checked_with, "trees": 10}

    @property
    def most_learnt_from(self) -> int:
        return self.params.bank_images

    def learn(self, coordinates: Matrix, random: torch.Generator) -> dict[str, Tensor]:
        seed = torch.randint(2**32, (), generator=random)  # the range that scikit-learn takes
        return {"bank": torch.from_numpy(coordinates.copy()), "seed": seed}

    def prepare(self) -> None:
        """The trees are grown from what was kept: the same seed grows the same forest, and no pickle is needed."""
        bank, p = self.learnt["bank"].numpy(), self.params
        forest = IsolationForest(
            n_estimators=p.trees, max_samples=min(p.tree_images, len(bank)), random_state=int(self.learnt["seed"])
        )
        self._forest = forest.fit(bank)

    def distance(self, coordinates: Tensor) -> Tensor:
        return torch.from_numpy(-self._forest.score_samples(coordinates.numpy()))
