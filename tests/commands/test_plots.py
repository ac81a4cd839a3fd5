"""``bench plot``: every command, in a process where torch cannot be imported."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import PLUGINS, TINY
from fabricated import write_run
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import ConfigError
from bench.records.store import RecordStore

WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "anomalib"):
            raise RuntimeError(f"{name} was imported")

sys.meta_path.insert(0, NoTorch())
from bench.cli import app
for line in sys.stdin:
    app(line.split(), standalone_mode=False)
assert "torch" not in sys.modules
"""


@pytest.mark.slow
def test_every_figure_without_torch(run_toy, store, tmp_path):
    run_toy("fanogan", "pca", "intensity", settings=TINY)
    figures = ("roc", "pr", "scores", "maps", "spro", "timing", "training", "latent", "latent --tsne")
    commands = []
    for n, figure in enumerate(figures):
        plugins = f" --plugins {PLUGINS}" if figure in ("maps", "spro") else ""
        commands.append(f"plot {figure} --results {store.root} --out {tmp_path / f'{n}.png'}{plugins}")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input="\n".join(commands), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for n in range(len(figures)):
        assert (tmp_path / f"{n}.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"{n}.csv").read_text().count("\n") > 1


def run(*arguments):
    return CliRunner().invoke(app, ["plot", *map(str, arguments)])


def test_figures_of_scores_without_torch(tmp_path):
    store = RecordStore(tmp_path / "results")
    for dataset in ("cells", "wood"):
        for method in ("alpha", "beta", "gamma"):
            write_run(store, method, dataset)
    to = f"--results {store.root} --out {tmp_path}"
    commands = f"plot ranks {to}/ranks.pdf\nplot roc --dataset wood {to}/roc.svg"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input=commands, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{tmp_path}/{name}" for name in ("ranks.pdf", "ranks.csv", "roc.svg", "roc.csv")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["roc", "--out", "roc.jpg"], r"Expected --out to end in .pdf, .svg, .png; found 'roc.jpg'"),
        (["roc", "--out", "roc.pdf", "--width", "colum"], "Did you mean column"),
        (["roc", "--out", "roc.pdf", "--seeds", "one"], "Expected whole numbers after --seeds"),
        (["roc", "--out", "roc.pdf", "--results", "nowhere"], "Begin with: bench run"),
        (["maps", "--out", "maps.pdf", "--data-root", "mnits=digits"], "Unknown data set 'mnits'. Did you mean mnist"),
        (["spro", "--out", "spro.pdf", "--data-root", "mnits=digits"], "Unknown data set 'mnits'. Did you mean mnist"),
    ],
)
def test_requests_that_cannot_be_met(arguments, message):
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert re.search(message, str(result.exception))


def test_a_damaged_record_is_named_and_the_figure_drawn(tmp_path):
    store = RecordStore(tmp_path / "results")
    write_run(store)
    damaged = write_run(store, "beta", dataset="wood")
    (damaged.folder / "record.json").write_text("{")
    result = run("roc", "--dataset", "cells", "--results", store.root, "--out", tmp_path / "roc.svg")
    assert result.exit_code == 0
    assert result.stderr.count(f"Left out: {damaged.folder}") == 1
    assert (tmp_path / "roc.svg").is_file()


@pytest.mark.parametrize("command", [("plot", "maps"), ("plot", "spro"), ("report",), ("turing", "make")])
def test_help_says_that_data_are_looked_for_where_the_run_had_them(command):
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "400"}).stdout
    assert "or NAME=DIR for each data set. Default: where the run had them, then $BENCH_DATA" in shown
