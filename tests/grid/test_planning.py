"""From a request to its runs: each one once, however often it is named."""

from __future__ import annotations

import pytest

from bench.grid.planning import plan
from bench.grid.request import Request


@pytest.mark.parametrize(
    ("methods", "datasets", "seeds", "expected"),
    [
        (["pca", "intensity", "pca"], ["toy"], (0,), [("pca", "toy", 0), ("intensity", "toy", 0)]),
        (["pca"], ["toy", "toy"], (1, 0, 1), [("pca", "toy", 1), ("pca", "toy", 0)]),
        (["pca"], ["mnist:1", "mnist:all"], (0,), [("pca", f"mnist:{i}", 0) for i in (1, 0, 2, 3, 4, 5, 6, 7, 8, 9)]),
    ],
)
def test_what_is_named_twice_is_done_once(store, methods, datasets, seeds, expected):
    planned = plan(Request(methods, datasets, seeds, preset="quick"), store)
    assert [(run.method, run.dataset, run.seed) for run in planned] == expected
