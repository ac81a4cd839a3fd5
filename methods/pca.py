"""pca: reconstruction from principal components, a linear autoencoder in closed form.

    A(x) = 1/n ||x - x_hat||^2,     x_hat = mean + V'V (x - mean),     map(x) = |x - x_hat|, averaged over channels

V holds the directions in which normal images differ most, found incrementally (``classical/coordinates.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores

from .classical.coordinates import CoordinateParams, Coordinates


class Params(CoordinateParams):
    """How many components."""


class Detector(contracts.Detector[Params]):
    """Principal components."""

    summary = "reconstruction error from principal components"
    deterministic = True
    checked_with: ClassVar[Mapping[str, Any]] = {"components": 8}

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.coordinates = Coordinates.fit(train, self.params.components)

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        coordinates = self.coordinates.of(images)
        residual = self.coordinates.residual(images, coordinates)
        redrawn = self.coordinates.redraw(coordinates, images)
        unlike = (images - redrawn).abs().mean(dim=1)
        return Scores(residual, unlike, {"residual": residual}, redrawn, coordinates)

    def weights(self) -> dict[str, Tensor]:
        return self.coordinates.weights()

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.coordinates = Coordinates.restored(weights)

    def facts(self) -> dict[str, Any]:
        described = self.coordinates.description
        return {"components": described} if described else {}
