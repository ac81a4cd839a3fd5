"""The measuring loop: warm up, then call again and again, within bounds that are stated with every figure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Bounds:
    """How often and how long a figure is measured, in calls and seconds."""

    warm_up_calls: int = 10
    warm_up_seconds: float = 0.5
    calls: int = 50
    seconds: float = 2.0
    most_warm_up_seconds: float = 2.0
    most_seconds: float = 4.0
    """Of measuring. After these spans a slow method has had enough, one call to warm up and two at least."""


PROTOCOL = Bounds()


@dataclass(frozen=True)
class Calls:
    """What was measured: seconds of each call."""

    seconds: tuple[float, ...]
    warm_up_calls: int
    is_bounded: bool
    """Whether ``most_seconds`` ended it before the protocol was fulfilled."""

    def quantile(self, q: float) -> float:
        """By linear interpolation."""
        return float(np.quantile(self.seconds, q))


def measure(work: Work, device: torch.device, bounds: Bounds = PROTOCOL) -> Calls:
    """Seconds of each of many calls of ``work``."""
    warm_up = _warm_up(work, device, bounds)
    watch = _event_watch if device.type == "cuda" else _stopwatch
    seconds: list[float] = []
    start = time.perf_counter()
    while True:
        seconds.append(watch(work))
        so_far = time.perf_counter() - start
        if len(seconds) >= bounds.calls and so_far >= bounds.seconds:
            return Calls(tuple(seconds), warm_up, False)
        if len(seconds) >= 2 and so_far >= bounds.most_seconds:
            return Calls(tuple(seconds), warm_up, True)


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _warm_up(work: Work, device: torch.device, bounds: Bounds) -> int:
    start, calls = time.perf_counter(), 0
    while True:
        work()
        wait(device)
        calls += 1
        so_far = time.perf_counter() - start
        is_warm = calls >= bounds.warm_up_calls and so_far >= bounds.warm_up_seconds
        if is_warm or so_far >= bounds.most_warm_up_seconds:
            return calls


def _stopwatch(work: Work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _event_watch(work: Work) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    begin.record()
    work()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000
