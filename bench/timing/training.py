"""What training costs, from a window of each loop: a few steps are done and timed, the rest is left out.

What a step costs does not depend on how well trained a network is. The loops of a method are those it gives to
``Context.loop``; what it trains outside of them is done whole and stands in ``seconds`` alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.contracts import Checkpointable, Context, Images
from bench.timing.clock import wait
from bench.timing.operations import operations_of
from bench.timing.record import TimedLoop
from bench.training.services import derived_seed

WARM_UP_STEPS, STEPS, SECONDS, MOST_SECONDS = 6, 10, 1.0, 4.0
"""A window: warmed up (on a GPU until steps are replayed from graphs), at least so many steps and seconds, both bounded
for slow ones, after three and two steps."""


@dataclass
class Counted:
    """What went by so far."""

    images: int = 0
    updates: int = 0


class CountedImages:
    """Training images that count themselves."""

    def __init__(self, images: Images, counted: Counted) -> None:
        self.images, self.counted = images, counted
        self.size, self.channels = images.size, images.channels

    def __len__(self) -> int:
        return len(self.images)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """See ``bench.contracts.Images``; so for the others."""
        self.counted.images += n
        return self.images.draw(n, generator)

    def batches(self, n: int) -> Iterator[Tensor]:
        for batch in self.images.batches(n):
            self.counted.images += len(batch)
            yield batch

    def probe(self, n: int) -> Tensor:
        return self.images.probe(n)


@contextmanager
def counting_updates(counted: Counted) -> Iterator[None]:
    """Count every step of every optimiser within the block."""

    def count(*_: object) -> None:
        counted.updates += 1

    handle = register_optimizer_step_post_hook(count)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True)
class WindowContext:
    """Implements ``bench.contracts.Context``: loops are cut to their windows, shared stages trained here and now."""

    device: torch.device
    seed: int
    counted: Counted
    loops: list[TimedLoop] = field(default_factory=list)
    log: logging.Logger = field(default_factory=partial(logging.getLogger, "bench"))

    def generator(self, purpose: str, step: int = 0) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(derived_seed(self.seed, "timing", purpose, step))

    def cpu_generator(self, purpose: str) -> torch.Generator:
        return torch.Generator("cpu").manual_seed(derived_seed(self.seed, "timing", purpose, 0))

    def stage(
        self, name: str, identity: Mapping[str, Any], train: Callable[[Context], Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        return {key: value.detach().cpu() for key, value in train(self).items()}

    def loop(
        self,
        name: str,
        steps: int,
        step: Callable[[int], Mapping[str, Tensor]],
        state: Mapping[str, Checkpointable],
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        at_first = self.counted.updates
        operations = operations_of(partial(step, 0))
        updates = self.counted.updates - at_first  # a graph that is replayed calls no optimiser
        first = self._warm_up(step, min(WARM_UP_STEPS, steps - 1))
        before, start, done = Counted(**vars(self.counted)), time.perf_counter(), 0
        while not _is_enough(done, time.perf_counter() - start) and first + done < steps:
            step(first + done)
            wait(self.device)
            done += 1
        seconds = time.perf_counter() - start
        self.counted.updates = at_first + updates * (max(first, 1) + done)
        self.loops.append(
            TimedLoop(
                name=name, steps=steps, timed_steps=done, seconds_per_step=seconds / done,
                images_per_step=(self.counted.images - before.images) / done,
                updates_per_step=updates,
                operations_per_step=operations,
            )
        )  # fmt: skip

    def _warm_up(self, step: Callable[[int], object], most: int) -> int:
        """Steps from the second on; how many have been done then."""
        start = time.perf_counter()
        for i in range(1, most):
            if i >= 3 and time.perf_counter() - start > MOST_SECONDS:
                return i
            step(i)
            wait(self.device)
        return most


def _is_enough(steps: int, seconds: float) -> bool:
    return (steps >= STEPS and seconds >= SECONDS) or (steps >= 2 and seconds >= MOST_SECONDS)
