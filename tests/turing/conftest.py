"""One small f-AnoGAN for all tests of the quiz: they only draw from it."""

from __future__ import annotations

import pytest
from conftest import TINY, Silent

from bench.executors.serial import SerialExecutor
from bench.grid.execution import execute
from bench.grid.planning import plan
from bench.grid.request import Request
from bench.records.store import RecordStore


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The store, and the record in it."""
    store = RecordStore(tmp_path_factory.mktemp("results"))
    request = Request(["fanogan"], ["toy"], [0], "quick", TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        reporter = Silent()
        (record,) = execute(plan(request, store), store, SerialExecutor("cpu", reporter), reporter)
    return store, record


@pytest.fixture
def record(trained):
    return trained[1]
