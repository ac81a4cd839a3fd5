"""The search for the best batch, on curves of rates that are known."""

from __future__ import annotations

import pytest
import torch

from bench.timing import process

BATCHES = [2**i for i in range(13)]
CURVES = {
    "level from 32 on": ({b: float(min(b, 32)) for b in BATCHES}, {1, 64}, 64),
    "rises to the end": ({b: float(b) for b in BATCHES}, set(), 4096),
    "falls from the first": ({b: 1 / b for b in BATCHES}, {1, 64}, 1),
    "a peak above what was stated": ({b: min(b / 256, 256 / b) for b in BATCHES}, {1, 64}, 256),
    "a peak below what was stated": ({b: min(b / 16, 16 / b) for b in BATCHES}, {64}, 16),
    "memory ends at 512": ({b: float(b) for b in BATCHES if b <= 512}, {64}, 512),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_best_batch_is_found_from_those_that_were_stated(name, monkeypatch):
    curve, stated, best = CURVES[name]

    def rate(subject, scope, batch, bounds):
        if batch not in curve:
            raise torch.OutOfMemoryError
        return curve[batch]

    monkeypatch.setattr(process, "_rate", rate)
    assert process.best_batch(None, {batch: rate(None, "", batch, None) for batch in stated}) == best
