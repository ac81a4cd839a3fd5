"""The examples: scripts run, studies are studies, the notebook does what the script does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from pages import ROOT

from bench import registry
from bench.executors import make_options
from bench.studies.study import make_study, read_study

EXAMPLES = ROOT / "examples"
STUDIES = sorted(EXAMPLES.glob("*.yaml"))


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.name)
def test_a_study_names_methods_data_sets_and_options_that_there_are(file):
    study = make_study(read_study(file, None), {})
    assert study.methods
    assert study.datasets
    for method in study.methods:
        assert registry.find("method", method)
        assert study.preset in ("quick", "standard", *registry.load_method(method)[0].published, "paper")
    for dataset in study.datasets:
        assert registry.find("dataset", dataset.partition(":")[0])
    make_options(study.executor_name, study.executor_options)


def _run(code, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_script_ranks_and_compares_three_methods(tmp_path):
    lines = _run((EXAMPLES / "compare_methods.py").read_text(encoding="utf-8"), tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["pca", "gaussian", "intensity"]
    assert [line.split()[0] for line in lines[3:6]] == ["1", "2", "3"]
    assert [line.split(":")[0] for line in lines[6:]] == ["pca - gaussian", "pca - intensity", "gaussian - intensity"]


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    notebook = json.loads((EXAMPLES / "compare_methods.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    _run("\n".join("".join(cell["source"]) for cell in cells), tmp_path)
    assert (tmp_path / "roc.pdf").stat().st_size > 1000
