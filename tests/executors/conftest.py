"""Every executor goes through the same suite."""

from __future__ import annotations

import pytest

from .grids import EXECUTORS, Grid


@pytest.fixture(params=EXECUTORS)
def executor(request):
    return request.param


@pytest.fixture
def grid(executor, tmp_path):
    return Grid(executor, tmp_path / "results", tmp_path / "diary")
