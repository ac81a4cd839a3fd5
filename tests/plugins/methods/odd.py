"""A method for tests whose answers are allowed, and unusual: maps of any sign, steps that log nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores


class Params(contracts.Params):
    """What is unusual."""

    maps: Literal["usual", "negative", "zero", "constant"] = Field("usual", description="values of the maps")
    gallery: Literal["none", "broken"] = Field("none", description="whether its own pictures can be drawn")
    steps: int = Field(0, ge=0, description="training steps, which log nothing")


class Detector(contracts.Detector[Params]):
    """Scores by the mean; its map is the image, brought to other values."""

    summary = "allowed and unusual, on purpose"
    deterministic = True

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        if self.params.steps:
            context.loop("walk", self.params.steps, lambda i: {}, {})

    def score(self, images: Tensor) -> Scores:
        grey = images.mean(dim=1)  # in [-1, 1]
        maps = {"usual": grey + 1, "negative": grey - 2, "zero": grey * 0, "constant": grey * 0 - 3}[self.params.maps]
        return Scores(image=images.flatten(1).mean(dim=1), map=maps)

    def weights(self) -> dict[str, Tensor]:
        return {"nothing": torch.zeros(1)}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        pass

    def gallery(self) -> dict[str, Tensor]:
        if self.params.gallery == "broken":
            raise IndexError("a bug in a gallery")
        return {}
