"""Pixels that cannot decide any more are dropped on the way, and no figure knows it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics import pimo


def tail_of(images):
    tail = pimo.NormalTail(len(images))
    for pixels in images:
        tail.add(np.sort(pixels))
    return tail


@pytest.mark.parametrize("levels", [50, 10**6], ids=["many ties", "few ties"])
def test_dropping_what_cannot_decide_changes_nothing(monkeypatch, levels):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, levels, size=rng.integers(20, 80)).astype(np.float64) for _ in range(20_000)]
    whole = tail_of(images)
    monkeypatch.setattr(pimo, "_ROOM", 1_000)
    pruned = tail_of(images)
    held = [sum(map(len, tail._values)) for tail in (whole, pruned)]
    assert held[0] > 500_000
    assert held[1] < 100_000
    for size in (1, 7, 300):
        defect = rng.integers(levels // 2, levels + 5, size=size).astype(np.float64)
        assert pruned.sorted().aupimo(defect) == pytest.approx(whole.sorted().aupimo(defect), rel=1e-12)


def test_the_rate_is_the_mean_share_of_pixels_by_hand():
    """Two images of 5,000 pixels; a defect pixel that 1 of 10,000 reaches lies at 1e-4, above all of them at 0."""
    tail = tail_of([np.arange(5_000.0), np.arange(5_000.0) - 0.5]).sorted()
    assert tail.aupimo(np.array([4_999.0])) == pytest.approx(0.0)
    assert tail.aupimo(np.array([5_000.0])) == pytest.approx(1.0)
    assert tail.aupimo(np.array([4_999.0, 5_000.0])) == pytest.approx(0.5)
