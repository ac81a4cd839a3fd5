"""The pages that show code: what stands there runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import bench.plugins
from bench import registry

PAGE = Path(__file__).parents[1] / "docs" / "adding-a-method.md"


@pytest.fixture
def zmap(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "zmap.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(tmp_path)])
    return code


def test_the_page_builds_a_complete_method_in_under_forty_lines(zmap, run_toy):
    assert len(zmap.splitlines()) < 40
    (record,) = run_toy("zmap")
    assert record.status == "done", record.reason
    assert record.metrics.score.auroc > 0.9  # a bright square on every anomalous image
    assert record.metrics.pixel is not None
    assert registry.find("method", "zmap").facts["deterministic"] is True


def test_what_the_page_saves_it_restores(zmap, run_toy):
    from safetensors.torch import load_file

    from bench.contracts import ImageShape

    (record,) = run_toy("zmap")
    cls, params = registry.load_method("zmap")
    detector = cls(params())
    weights = load_file(record.folder / "weights.safetensors")
    detector.restore(weights, ImageShape(1, 32), torch.device("cpu"))
    assert torch.equal(detector.weights()["mean"], weights["mean"])
