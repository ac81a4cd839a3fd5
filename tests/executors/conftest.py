"""Every executor goes through the same suite."""

from __future__ import annotations

import pytest

from . import ray_nodes
from .grids import EXECUTORS, Grid
from .slurm_cluster import running_cluster, why_not


@pytest.fixture(params=EXECUTORS)
def executor(request):
    if request.param != "local":
        request.getfixturevalue(request.param)
    return request.param


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A real Slurm for all tests of the process; another test process has its own, on other ports."""
    if reason := why_not():
        pytest.skip(reason)
    with running_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def ray():
    """A real Ray cluster of two nodes for all tests of the process."""
    pytest.importorskip("ray", reason="needs ray: pip install 'fanogan-bench[ray]'")
    with ray_nodes.running() as cluster:
        yield cluster


@pytest.fixture
def grid(executor, tmp_path):
    return Grid(executor, tmp_path / "results", tmp_path / "diary")
