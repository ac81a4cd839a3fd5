"""A method for tests that fails in the way it is told to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores


class Params(contracts.Params):
    """How to fail."""

    how: Literal["loss", "score", "bug", "hang", "not"] = Field("loss", description="what goes wrong")


class Detector(contracts.Detector[Params]):
    """Fails."""

    summary = "fails on purpose"

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        if self.params.how == "bug":
            raise IndexError("a bug in a method")
        if self.params.how == "hang":
            time.sleep(3600)
        bad = float("inf") if self.params.how == "loss" else 1.0
        context.loop("walk", 30, lambda i: {"loss": torch.tensor(bad if i >= 20 else 1.0)}, {})

    def score(self, images: Tensor) -> Scores:
        factor = float("nan") if self.params.how == "score" else 1.0
        return Scores(image=images.flatten(1).mean(dim=1) * factor)

    def weights(self) -> dict[str, Tensor]:
        return {"nothing": torch.zeros(1)}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        pass
