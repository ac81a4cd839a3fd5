"""The pages that show code: what stands there runs, in the order in which a reader would type it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import made_records
import pytest
import torch
import typer
from pages import NOT_RUN, PAGES, ROOT, blocks, commands, name_of, prose
from printed import first_difference

import bench.plugins
from bench import registry
from bench.cli import app
from bench.data.opening import chosen
from bench.records.store import RecordStore
from bench.studies.study import read_study

BLOCKS = [block for page in PAGES for block in blocks(page)]
LANGUAGES = {"bash", "python", "yaml", "text", "latex"}

ON_A_CLUSTER = ("docs/clusters.md", "docs/ray.md")
"""Their commands are run by tests/executors, against a real Slurm and a real Ray."""


# ------------------------------------------------------------------------- what is said about running


def runs(block):
    in_shell = block.language == "bash" and block.page not in ON_A_CLUSTER
    return block.reason is None and (in_shell or block.language == "python")


def test_code_stands_in_blocks_whose_language_is_known():
    strangers = [f"{block.where}: {block.language!r}" for block in BLOCKS if block.language not in LANGUAGES]
    hidden = [
        block.where
        for block in BLOCKS
        if block.language == "text" and not block.is_output and block.page not in ON_A_CLUSTER
        and re.search(r"^(bench|python) ", block.text, re.MULTILINE)
    ]  # fmt: skip
    indented = [
        name_of(page) for page in PAGES if re.search(r"^ {4}(\.venv|bench|python) ?", prose(page), re.MULTILINE)
    ]
    assert (strangers, hidden, indented) == ([], [], [])


def test_what_is_not_run_says_why():
    for page in PAGES:
        markers = re.findall(r"<!--\s*not.run.*?-->", page.read_text(encoding="utf-8"), re.IGNORECASE | re.DOTALL)
        assert all(NOT_RUN.fullmatch(marker) for marker in markers), name_of(page)
        assert len(markers) == sum(block.reason is not None for block in blocks(page)), (
            f"{name_of(page)}: not above a block"
        )
    for block in BLOCKS:
        for test in re.findall(r"tests/[\w/]+\.py", block.reason or ""):
            assert (ROOT / test).is_file(), block.where


# ------------------------------------------------------------------- what is not run is at least understood


def spoken(text):
    """The commands of ``bench`` in a piece of shell, as lists of words."""
    for line in commands(text):
        for part in re.split(r"&&|\||;|>", line):
            program, _, _ = part.strip().partition(" ")
            if Path(program).name == "bench":
                yield shlex.split(part)[1:]


def found(words):
    """A command of ``bench``, the words that are left for it, and the context that it is called in."""
    command, context = typer.main.get_command(app), None
    if words[:1] == ["turing"] and words[1:2] not in (["make"], ["score"]):
        words = ["turing", "make", *words[1:]]
    while words and hasattr(command, "resolve_command"):
        context = command.make_context("bench", list(words), parent=context)
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    return command, words, context


def listed(text):
    return [name.strip() for name in (text or "").split(",") if name.strip()]


SHOWN = [
    pytest.param(words, id=f"{block.where}: {' '.join(words)}")
    for block in BLOCKS
    if not runs(block)
    for words in spoken(block.text)
]
MENTIONED = [
    pytest.param(shlex.split(code)[1:], id=f"{name_of(page)}: {code}")
    for page in PAGES
    for code in re.findall(r"`(bench [a-z][^`…]*)`", prose(page).replace("\n", " "))
]


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_that_is_shown_and_not_run_is_understood(words):
    command, left, context = found(words)
    given = command.make_context(command.name, list(left), parent=context).params  # raises for what it does not know
    if given.get("plugins") is None and given.get("dataset") and words[0] in ("run", "time", "evaluate"):
        for name in listed(given.get("method")):
            assert all(registry.find("method", member) for member in registry.members("method", name))
        for name in listed(given["dataset"]):
            assert chosen(name)


@pytest.mark.parametrize("words", MENTIONED)
def test_a_command_in_the_prose_exists_with_its_options(words):
    command, left, _ = found(words)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in left if word.startswith("--")} <= known


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=lambda block: block.where)
def test_a_study_on_a_page_is_one(block, tmp_path):
    (tmp_path / "suite.yaml").write_text(block.text, encoding="utf-8")
    assert read_study(tmp_path / "suite.yaml", None).content


# ------------------------------------------------------------------------------------- what is run


def made_up_boards(folder):
    """Records of nobody's runs, under the names that the pages on boards and figures use."""
    store = RecordStore(folder / "results")
    for i, method in enumerate(("fanogan", "ae", "pca", "knn")):
        for dataset, category in [("oct-phantom", None), *(("mnist", str(digit)) for digit in range(10))]:
            made_records.make(store, method, dataset=dataset, category=category, strength=1 + i / 4, grouped=True)


GIVEN = {
    "README.md": made_up_boards,
    "docs/leaderboards.md": made_up_boards,
    "docs/reading-a-record.md": made_up_boards,
    "docs/report.md": made_up_boards,
}
"""What a reader of these pages has run before."""


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """A reader's environment: the command on the PATH, one thread, one cache for all pages."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cache = str(tmp_path_factory.mktemp("cache"))
    return {
        **os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "BENCH_CACHE": cache, "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "Agg", "COLUMNS": "120",
    }  # fmt: skip


def execute(block, folder, surroundings):
    """Run it and return what it prints; a block that names a file becomes that file."""
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.text, encoding="utf-8")
        return ""
    program = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-c"]
    done = subprocess.run([*program, block.text], cwd=folder, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.where} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(runs, blocks(page)))], ids=name_of)
def test_a_page_is_a_session(page, tmp_path, surroundings):
    GIVEN.get(name_of(page), lambda folder: None)(tmp_path)
    printed = ""
    for block in blocks(page):
        if block.is_output:
            difference = first_difference(block.text, printed)
            assert difference is None, f"{block.where}: {difference}"
        elif runs(block) or (block.file and block.reason is None):
            printed = execute(block, tmp_path, surroundings)


def test_shown_output_is_told_from_other_output():
    printed = "rank  method  AUROC\n   1  pca     0.883   11.1 s\nrecord  results/runs/pca/360638657c737948\n"
    assert (
        first_difference("rank method AUROC\n1 pca 0.88 3.0 s\nrecord results/runs/pca/0123456789abcdef", printed)
        is None
    )
    assert first_difference("…\nrecord …", printed) is None
    assert first_difference("rank method AUROC\n1 pca 0.78 3.0 s\n…", printed) is not None
    assert first_difference("rank method AUROC\n2 pca 0.88 3.0 s\n…", printed) is not None
    assert first_difference("rank method AUROC", printed) is not None
    assert first_difference("rank  method  AP\n…", printed) is not None


# ----------------------------------------------------------------------------- the method on adding-a-method.md


@pytest.fixture
def zmap(tmp_path, monkeypatch):
    (block,) = (block for block in blocks(ROOT / "docs" / "adding-a-method.md") if block.language == "python")
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "zmap.py").write_text(block.text, encoding="utf-8")
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(tmp_path)])
    return block.text


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
