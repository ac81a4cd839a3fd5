"""Runs that share a process: nothing of one stays behind in the next."""

from __future__ import annotations

import gc

import bench.plugins
from bench import registry

CIRCLE = '''
"""Refers to itself, as modules of Lightning do, and counts how many detectors like it are alive."""
from weakref import WeakSet
import torch
from bench import contracts
from bench.contracts import Scores


class Params(contracts.Params):
    pass


class Detector(contracts.Detector[Params]):
    summary = "a circle of references"
    alive, most = WeakSet(), 0

    def fit(self, train, val, *, context):
        self.circle, cls = self, type(self)
        cls.alive.add(self)
        cls.most = max(cls.most, len(cls.alive))

    def score(self, images):
        return Scores(images.flatten(1).mean(dim=1))

    def weights(self):
        return {"nothing": torch.zeros(1)}

    def restore(self, weights, images, device):
        pass
'''


def test_the_network_of_a_run_makes_room_for_the_next(run_toy, tmp_path, monkeypatch):
    (tmp_path / "own" / "methods").mkdir(parents=True)
    (tmp_path / "own" / "methods" / "circle.py").write_text(CIRCLE, encoding="utf-8")
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(tmp_path / "own")])
    gc.disable()
    try:
        records = run_toy("circle", seeds=(0, 1, 2))
    finally:
        gc.enable()
    assert [record.status for record in records] == ["done"] * 3
    assert registry.load_method("circle")[0].most == 1
