"""Shared by all tests: a cache of their own, and small stand-ins for the referee."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's cache, or finds the user's data."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("BENCH_DATA", raising=False)


@pytest.fixture(autouse=True, scope="session")
def few_threads():
    """More threads than cores make small networks many times slower."""
    torch.set_num_threads(1)
