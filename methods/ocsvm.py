"""ocsvm: one-class support vector machine on principal coordinates (Schölkopf et al., Neural Computation 2001).

    A(x) = rho - sum a_i exp(-gamma ||u(x) - u_i||^2)

u are the coordinates, each divided by its spread over normal images; the support vectors u_i and their weights a_i
come from scikit-learn. Training grows with the square of the number of images and is therefore subsampled.
"""

from __future__ import annotations

import torch
from pydantic import Field
from sklearn.svm import OneClassSVM
from torch import Tensor

from .classical.coordinates import CoordinateDetector, CoordinateParams, Matrix


class Params(CoordinateParams):
    """The machine, and how many images it learns from."""

    nu: float = Field(0.1, gt=0, le=1, description="share of the normal images that may lie outside")
    gamma: float = Field(0.0, ge=0, description="width of the kernel; 0: one over the number of coordinates")
    bank_images: int = Field(5_000, ge=2, description="normal images learnt from; larger sets are subsampled")


class Detector(CoordinateDetector[Params]):
    """One-class support vector machine."""

    summary = "one-class support vector machine on scaled principal coordinates"
    deterministic = True

    @property
    def most_learnt_from(self) -> int:
        return self.params.bank_images

    def learn(self, coordinates: Matrix, random: torch.Generator) -> dict[str, Tensor]:
        spread = coordinates.std(axis=0)
        gamma = self.params.gamma or 1 / coordinates.shape[1]
        machine = OneClassSVM(nu=self.params.nu, gamma=gamma).fit(coordinates / spread)
        return {
            "spread": torch.from_numpy(spread),
            "support": torch.from_numpy(machine.support_vectors_.copy()),
            "share": torch.from_numpy(machine.dual_coef_[0].copy()),
            "rho": torch.from_numpy(-machine.intercept_),
            "gamma": torch.tensor(gamma, dtype=torch.float64),
        }

    def distance(self, coordinates: Tensor) -> Tensor:
        learnt = self.learnt
        apart = torch.cdist(
            coordinates / learnt["spread"], learnt["support"], compute_mode="donot_use_mm_for_euclid_dist"
        )
        return learnt["rho"] - torch.exp(-learnt["gamma"] * apart.square()) @ learnt["share"]
