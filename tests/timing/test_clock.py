"""The measuring loop: what it waits for, when it ends, and its quantiles."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from bench.timing.clock import Bounds, Calls, measure

CPU = torch.device("cpu")


def counted(seconds=0.0):
    calls = []

    def work():
        calls.append(None)
        time.sleep(seconds)

    return work, calls


def test_as_many_calls_and_seconds_as_the_protocol_asks_for():
    work, calls = counted(0.01)
    bounds = Bounds(warm_up_calls=3, warm_up_seconds=0.05, calls=4, seconds=0.2, most_seconds=60)
    start = time.perf_counter()
    found = measure(work, CPU, bounds)
    assert time.perf_counter() - start >= 0.25
    assert not found.is_bounded
    assert found.warm_up_calls >= 3
    assert len(found.seconds) >= 4
    assert len(calls) == found.warm_up_calls + len(found.seconds)
    assert sum(found.seconds) >= 0.19
    assert min(found.seconds) >= 0.01  # what each call slept


def test_a_slow_method_is_called_once_and_twice_and_said_to_be_bounded():
    work, calls = counted(0.06)
    found = measure(work, CPU, Bounds(warm_up_calls=10, calls=50, most_warm_up_seconds=0.05, most_seconds=0.05))
    assert found.is_bounded
    assert (found.warm_up_calls, len(found.seconds), len(calls)) == (1, 2, 3)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_quantiles_are_numpys(q):
    seconds = tuple(np.random.default_rng(0).exponential(size=57))
    assert Calls(seconds, 10, False).quantile(q) == pytest.approx(np.quantile(seconds, q))
