"""The pages that show code: what stands there runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import bench.plugins
from bench import cli, registry

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


GRIDS = Path(__file__).parents[1] / "docs" / "grids.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GRIDS.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands():
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line]


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (text,) = blocks("yaml")
    (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "suite.yaml"


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_the_commands_on_grids_plan_what_they_say(suite, command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [*command, "--dry-run", "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    methods, seeds = ({row[name] for row in rows} for name in ("method", "seed"))
    assert len(rows) == len(methods) * len(seeds) > 1
    assert {row["state"] for row in rows} == {"new"}


@pytest.mark.slow
def test_the_study_on_the_page_runs(suite):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench", "run", "--config", str(suite), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["done"] * 4
