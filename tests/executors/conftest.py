"""Every executor goes through the same suite."""

from __future__ import annotations

import pytest

from . import ray_nodes
from .grids import EXECUTORS, Grid
from .slurm_cluster import running_cluster, why_not


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One cluster of each sort on a machine: with several test processes, one of them does all of its tests."""
    for item in items:
        chosen = getattr(item, "callspec", None) and item.callspec.params.get("executor")
        for cluster in ("slurm", "ray"):
            if cluster in (chosen, *getattr(item, "fixturenames", ())):
                item.add_marker(pytest.mark.xdist_group(cluster))


@pytest.fixture(params=EXECUTORS)
def executor(request):
    if request.param != "local":
        request.getfixturevalue(request.param)
    return request.param


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A real Slurm for all tests of the session."""
    if reason := why_not():
        pytest.skip(reason)
    with running_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def ray():
    """A real Ray cluster of two nodes for all tests of the session."""
    pytest.importorskip("ray", reason="needs ray: pip install 'fanogan-bench[ray]'")
    with ray_nodes.running() as cluster:
        yield cluster


@pytest.fixture
def grid(executor, tmp_path):
    return Grid(executor, tmp_path / "results", tmp_path / "diary")
