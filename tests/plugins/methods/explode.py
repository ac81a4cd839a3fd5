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

    how: Literal["loss", "weight", "score", "bug", "hang", "not"] = Field("loss", description="what goes wrong")
    fits: int = Field(10**6, ge=0, description="images that fit into memory at once")
    batch_size: int = Field(8, ge=1, description="images per step")


class Detector(contracts.Detector[Params]):
    """Fails."""

    summary = "fails on purpose"

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        if self.params.how == "bug":
            raise IndexError("a bug in a method")
        if self.params.how == "hang":
            time.sleep(3600)
        self._allocate(self.params.batch_size)
        weight = _Weight()

        def step(i: int) -> dict[str, Tensor]:
            bad = i >= 20
            weight.value = torch.full((1,), float("nan") if bad and self.params.how == "weight" else float(i))
            return {"loss": torch.tensor(float("inf") if bad and self.params.how == "loss" else 1.0)}

        context.loop("walk", 30, step, {"weight": weight})

    def _allocate(self, images: int) -> None:
        if images > self.params.fits:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {images} GiB.")

    def score(self, images: Tensor) -> Scores:
        self._allocate(len(images))
        factor = float("nan") if self.params.how == "score" else 1.0
        return Scores(image=images.flatten(1).mean(dim=1) * factor)

    def weights(self) -> dict[str, Tensor]:
        return {"nothing": torch.zeros(1)}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        pass


class _Weight:
    """A number that a checkpoint keeps."""

    def __init__(self) -> None:
        self.value = torch.zeros(1)

    def state_dict(self) -> dict[str, Tensor]:
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.value = state["value"]
