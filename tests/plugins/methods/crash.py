"""A method for tests of executors: it brings down its process in the way it is told to, or takes its time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores


class Params(contracts.Params):
    """How to come to grief, or not."""

    how: Literal["not", "abort", "kill", "raise", "exit", "hang", "leave"] = Field("not", description="what goes wrong")
    seconds: float = Field(0.0, ge=0, description="time that training takes")
    steps: int = Field(20, ge=1, description="training steps")
    shared: bool = Field(False, description="train a stage that runs of other values share")
    other: int = Field(0, description="nothing: makes another run of it")
    diary: str = Field("", description="file that gets a line at each start of training")


class Detector(contracts.Detector[Params]):
    """Crashes, hangs, or scores by the mean."""

    summary = "brings its process down on purpose"

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.weight = torch.zeros(1)
        if self.params.shared:
            self.weight = context.stage("drawn", {"steps": self.params.steps}, self._train)["weight"]
        else:
            self._train(context)
        _come_to_grief(self.params.how)

    def _train(self, context: Context) -> dict[str, Tensor]:
        if self.params.diary:
            with Path(self.params.diary).open("a") as diary:
                diary.write(f"{os.getpid()} {self.params.other}\n")
        weight = _Weight()

        def step(i: int) -> dict[str, Tensor]:
            time.sleep(self.params.seconds / self.params.steps)
            weight.value += torch.rand(1, generator=context.generator("walk", i))
            return {"weight": weight.value[0]}

        context.loop("walk", self.params.steps, step, {"weight": weight})
        self.weight = weight.value
        return {"weight": weight.value}

    def score(self, images: Tensor) -> Scores:
        return Scores(image=images.flatten(1).mean(dim=1) * self.weight)

    def weights(self) -> dict[str, Tensor]:
        return {"weight": self.weight}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.weight = weights["weight"]


class _Weight:
    """A sum of random numbers that a checkpoint keeps."""

    def __init__(self) -> None:
        self.value = torch.zeros(1)

    def state_dict(self) -> dict[str, Tensor]:
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.value = state["value"]


def _come_to_grief(how: str) -> None:
    if how == "abort":
        os.abort()
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raise":
        raise IndexError("a bug in a method")
    if how == "exit":
        os._exit(3)
    if how == "hang":
        while True:
            time.sleep(60)
    if how == "leave":
        raise SystemExit(4)
