"""One small f-AnoGAN for all tests of the quiz: they only draw from it."""

from __future__ import annotations

import pytest
from conftest import TINY, Silent

from bench import grid
from bench.executors.serial import SerialExecutor
from bench.store import RecordStore


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The store, and the record in it."""
    store = RecordStore(tmp_path_factory.mktemp("results"))
    request = grid.Request(["fanogan"], ["toy"], [0], "quick", TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        reporter = Silent()
        (record,) = grid.execute(grid.plan(request, store), store, SerialExecutor("cpu", reporter), reporter)
    return store, record


@pytest.fixture
def record(trained):
    return trained[1]
