"""Shared by all tests: a cache of their own, a silent reporter, and the toy plug-ins."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import bench.plugins
from bench.executors.serial import SerialExecutor
from bench.grid.execution import execute
from bench.grid.planning import plan
from bench.grid.request import Request
from bench.records.store import RecordStore

PLUGINS = Path(__file__).parent / "plugins"
bench.plugins.add_folder(PLUGINS)

TINY = ["width=2", "latent_dim=4", "batch_size=8", "generator_steps=3", "encoder_steps=4"]
"""f-AnoGAN in a second: right in all but size."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or fills the user's cache, or finds the user's data."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("BENCH_DATA", raising=False)


@pytest.fixture(autouse=True)
def few_threads(monkeypatch):
    """More threads than cores make small networks many times slower, and test workers share the cores."""
    monkeypatch.setattr("bench.one_run.fitting.usable_cores", lambda: 1)
    torch.set_num_threads(1)


class Silent:
    """A reporter that keeps what it was told."""

    def __init__(self):
        self.said, self.stages, self.updates = [], [], []

    def say(self, text):
        self.said.append(text)

    @contextmanager
    def stage(self, name, total):
        self.stages.append((name, total))
        yield self

    def update(self, done, values=None):
        self.updates.append((self.stages[-1][0], done))


@pytest.fixture
def silent():
    return Silent()


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "results")


@pytest.fixture
def run_toy(store, silent):
    """Run methods on the toy data set and return their records."""

    def run(
        *methods, settings=(), seeds=(0,), preset="quick", force=False, dataset="toy", view=None, precision="float32"
    ):
        known = [s for s in settings if s]
        request = Request(methods, [dataset], seeds, preset, known, view=view, force=force, precision=precision)
        return execute(plan(request, store), store, SerialExecutor("cpu", silent), silent)

    return run
