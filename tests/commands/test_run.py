"""``bench run`` with a study's file, folders by data set, and a plan that is told first."""

from __future__ import annotations

import json
import sys

import pytest
from conftest import PLUGINS

import bench.plugins as bench_plugins
from bench import cli
from bench.spec import RunSpec

STUDY = """\
methods: [intensity, explode]
datasets: [toy]
seeds: [0, 1]
preset: quick
settings:
  toy: {images: 8, tested: 8}
executor: serial
device: cpu
"""


@pytest.fixture
def bench(monkeypatch, capsys, store):
    """Call ``bench run`` in this process; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        plugins = ("--plugins", PLUGINS, "--results", store.root)
        monkeypatch.setattr(sys, "argv", ["bench", "run", *map(str, [*arguments, *plugins])])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(STUDY)
    return path


def test_a_study_is_run_from_its_file_which_the_records_name(bench, suite, store):
    status, out, err = bench("--config", suite)
    assert status == 1
    assert "4 runs: 4 new; 4 to do" in err
    records = store.records()
    assert sorted((r.spec.method, r.spec.seed, r.status) for r in records) == [
        ("explode", 0, "diverged"), ("explode", 1, "diverged"), ("intensity", 0, "done"), ("intensity", 1, "done"),
    ]  # fmt: skip
    (kept,) = (store.root / "studies").iterdir()
    assert kept.read_text() == STUDY
    assert {record.provenance["study"] for record in records} == {kept.stem}
    assert "2 of 4 runs did not end well:" in err
    assert "diverged explode on toy, seed 1: walk: loss became inf at step 21 of 30" in err
    assert "explode on toy, seed 0: diverged" in " ".join(out.split())  # and under the table


def test_the_plan_says_what_is_done_and_what_is_left(bench, suite):
    bench("--config", suite, "--seeds", "0")
    _, _, err = bench("--config", suite)
    assert err.startswith(
        "4 runs: 1 done, 2 new, 1 diverged; 3 to do (--force repeats what is done)\n  diverged: explode"
    )


def test_options_replace_the_files_keys(bench, suite):
    _, out, _ = bench("--config", suite, "--method", "pca", "--seeds", "3", "--dry-run", "--json")
    (row,) = map(json.loads, out.splitlines())
    assert (row["method"], row["seed"]) == ("pca", 3)
    _, out, _ = bench("--config", suite, "--method", "pca", "--set", "toy.images=9", "--dry-run", "--json")
    assert row["key"] not in out


def test_a_mistake_in_the_file_is_said_with_its_line(bench, suite):
    suite.write_text(STUDY.replace("explode", "explod"))
    status, _, err = bench("--config", suite)
    assert status == 2
    assert f"bench: {suite}, line 1: Unknown method 'explod'. Did you mean explode" in err


def test_each_data_set_is_looked_for_where_its_root_says(bench, tmp_path):
    _, out, _ = bench(
        "--method", "intensity", "--dataset", "mnist:1,oct", "--dry-run",
        "--data-root", f"mnist={tmp_path / 'digits'}", "--data-root", tmp_path / "rest",
    )  # fmt: skip
    text = "".join(out.split())
    assert f"Nodatafor'mnist'.Lookedin:{tmp_path / 'digits'}(notthere)" in text
    assert f"Nodatafor'oct'.Lookedin:{tmp_path / 'rest'}(notthere)" in text


def test_without_method_it_says_where_to_give_one(bench):
    status, _, err = bench("--dataset", "toy")
    assert status == 2
    assert "give --method, or 'methods:' in a file after --config" in err


def test_the_key_of_a_run_does_not_depend_on_how_it_was_asked_for(bench, suite, store):
    bench("--config", suite, "--method", "intensity", "--seeds", "0")
    (record,) = store.records()
    assert isinstance(record.spec, RunSpec)
    asked = ("--method", "intensity", "--dataset", "toy", "--preset", "quick", "--set", "images=8", "--set", "tested=8")
    _, out, _ = bench(*asked, "--dry-run", "--json")
    assert json.loads(out)["key"] == record.key


@pytest.mark.parametrize("below", [".", "cache"])
@pytest.mark.parametrize("executor", ["serial", "local"])
def test_no_run_begins_without_a_cache(bench, suite, store, tmp_path, monkeypatch, below, executor):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / below))
    status, out, err = bench("--config", suite, "--executor", executor)
    assert (status, out, store.records()) == (2, "", [])
    assert f"The cache folder {tmp_path / 'file' / below} cannot be written (" in err
    assert "Set BENCH_CACHE to another folder." in err


def test_what_is_done_needs_no_cache(bench, suite, tmp_path, monkeypatch):
    only = ("--config", suite, "--method", "intensity", "--seeds", "0", "--json")
    assert bench(*only)[0] == 0
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    assert bench(*only)[0] == 0


CHATTY = """
print("imported")
from bench.plugins.methods import intensity


class Params(intensity.Params):
    pass


class Detector(intensity.Detector):
    summary = "says what it does"

    def fit(self, train, val, *, context):
        print("fitted")
        super().fit(train, val, context=context)
"""


def test_what_a_plug_in_prints_is_no_part_of_the_answer(suite, store, tmp_path, monkeypatch, capsys):
    (tmp_path / "own" / "methods").mkdir(parents=True)
    (tmp_path / "own" / "methods" / "chatty.py").write_text(CHATTY, encoding="utf-8")
    words = ["--config", suite, "--method", "chatty", "--seeds", "0", "--json", "--results", store.root]
    monkeypatch.setattr(sys, "argv", ["bench", "run", *map(str, [*words, "--plugins", tmp_path / "own"])])
    monkeypatch.setattr(bench_plugins, "__path__", list(bench_plugins.__path__))
    with pytest.raises(SystemExit) as end:
        cli.main()
    out, err = capsys.readouterr()
    assert end.value.code == 0
    assert json.loads(out)["status"] == "done"
    assert "imported\n" in err
    assert "fitted\n" in err
