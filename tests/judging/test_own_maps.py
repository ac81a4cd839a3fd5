"""``bench evaluate`` and ``bench export maps``: against MVTec's official evaluator, and there and back again."""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import PLUGINS

from bench import cli
from bench.records.export import evaluation_command
from bench.records.map_files import write_map
from bench.records.store import RecordStore

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"
CASES = {"mvtec_loco_a": "breakfast_box", "mvtec_loco_b": "juice_bottle"}


@pytest.fixture
def bench(monkeypatch, capsys):
    """Call the command line in this process; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture(params=CASES)
def golden(request):
    folder = GOLDEN / request.param
    if not folder.is_dir():
        pytest.skip("the golden outputs of MVTec's evaluator are not beside the checkout")
    return f"mvtec-loco:{CASES[request.param]}", folder


def test_agrees_with_the_official_evaluator(bench, golden):
    dataset, folder = golden
    expected = json.loads((folder / "expected_metrics.json").read_text())
    status, out, _ = bench(
        "evaluate", "--dataset", dataset, "--data-root", folder / "data", "--maps", folder / "maps", "--json"
    )
    found = json.loads(out)
    assert status == 0
    assert found["image"]["auroc"] == pytest.approx(expected["classification"]["auc_roc"], abs=1e-4)
    for kind, areas in expected["localization"]["auc_spro"].items():
        assert found["pixel"]["au_spro"][kind] == pytest.approx(areas, abs=1e-4)


def test_the_table_holds_each_kind_and_their_mean(bench, golden):
    dataset, folder = golden
    _, out, _ = bench("evaluate", "--dataset", dataset, "--data-root", folder / "data", "--maps", folder / "maps")
    expected = json.loads((folder / "expected_metrics.json").read_text())
    (areas,) = [line.split() for line in out.splitlines() if line.startswith("AU-sPRO@0.05")]
    (aurocs,) = [re.findall(r"(\w+) (0\.\d+)", line) for line in out.splitlines() if line.startswith("by kind ")]
    shown = {"mean": areas[1], "logical_anomalies": areas[-2], "structural_anomalies": areas[-1]}
    for kind in ("mean", "logical_anomalies", "structural_anomalies"):
        assert float(shown[kind]) == pytest.approx(expected["localization"]["auc_spro"][kind]["0.05"], abs=6e-4)
        assert float(dict(aurocs)[kind]) == pytest.approx(expected["classification"]["auc_roc"][kind], abs=6e-4)
    assert "own maps, subset" in out
    assert "--save NAME" in out


def toy_run(bench, results, *more):
    arguments = ("--method", "intensity", "--dataset", "toy", "--preset", "quick", "--device", "cpu", *more)
    bench("run", *arguments, "--plugins", PLUGINS, "--results", results)
    (record,) = RecordStore(results).records()
    return record


def test_exported_maps_give_the_same_figures(bench, tmp_path):
    results, out = tmp_path / "results", tmp_path / "maps"
    record = toy_run(bench, results)
    status, command, _ = bench("export", "maps", record.key[:8], "--out", out, "--results", results)
    assert status == 0
    assert f"--scores {out / 'scores.csv'}" in command
    command = ("evaluate", "--dataset", "toy", "--maps", out, "--scores", out / "scores.csv", "--plugins", PLUGINS)
    status, _, _ = bench(*command, "--save", "elsewhere", "--results", results)
    assert status == 0
    (again,) = [r for r in RecordStore(results).records() if r.spec.method == "elsewhere"]
    assert again.metrics.score == record.metrics.score
    for name in ("auroc", "au_pro", "au_spro", "average_precision", "f1_max_oracle"):
        assert getattr(again.metrics.pixel.headline, name) == getattr(record.metrics.pixel.headline, name)
    assert again.metrics.operating_point is None  # no maps of validation images to take a threshold from
    assert again.marks() == ["own maps", "synthetic"]
    assert pd.read_parquet(again.folder / "defects.parquet").equals(pd.read_parquet(record.folder / "defects.parquet"))


def test_the_printed_command_measures_on_the_same_split(bench, tmp_path):
    results, out = tmp_path / "results", tmp_path / "my maps"
    record = toy_run(bench, results, "--set", "toy.tested=12", "--set", "toy.brightness=3")
    _, command, _ = bench("export", "maps", record.folder, "--out", out)
    words = shlex.split(command)
    assert words[:8] == ["bench", "evaluate", "--dataset", "toy", "--set", "brightness=3", "--set", "tested=12"]
    status, found, _ = bench(*words[1:], "--plugins", PLUGINS, "--json")
    assert status == 0
    assert json.loads(found)["counts"] == record.counts.model_dump(mode="json")


def test_patterns_in_the_printed_command_are_safe_from_the_shell(run_toy, tmp_path):
    (record,) = run_toy("intensity")
    params = {"group_pattern": "(p\\d+)_", "grey": True, "split_seed": 0, "crop": None}
    for dataset, shown in (("folder", []), ("unknown-here", ["--set", "split_seed=0"])):
        changed = record.model_copy(update={"spec": replace(record.spec, dataset=dataset, dataset_params=params)})
        command = evaluation_command(changed, tmp_path, tmp_path / "scores.csv")
        assert "--set 'group_pattern=(p\\d+)_' --set grey=True" in command
        settings = ["--set", "group_pattern=(p\\d+)_", "--set", "grey=True", *shown]
        assert shlex.split(command) == [
            "bench", "evaluate", "--dataset", dataset, *settings,
            "--maps", str(tmp_path), "--scores", str(tmp_path / "scores.csv"),
        ]  # fmt: skip


def test_the_image_score_is_the_highest_of_the_map_unless_given(bench, tmp_path):
    results, out = tmp_path / "results", tmp_path / "maps"
    record = toy_run(bench, results)
    bench("export", "maps", record.folder, "--out", out)
    command = ("evaluate", "--dataset", "toy", "--maps", out, "--plugins", PLUGINS, "--save", "by-map")
    bench(*command, "--results", results)
    (by_map,) = [r for r in RecordStore(results).records() if r.spec.method == "by-map"]
    scores = pd.read_parquet(by_map.folder / "scores.parquet")
    maps = [tifffile.imread(out / f"{name}.tiff") for name in scores["id"]]
    assert scores["score"].tolist() == [values.max() for values in maps]
    assert by_map.facts["image_score"] == "highest of the map"
    assert by_map.provenance["data_root"] is None  # the toy images lie nowhere


def test_what_a_killed_process_left_is_swept_and_two_do_not_save_the_same_at_once(bench, tmp_path):
    results, out = tmp_path / "results", tmp_path / "maps"
    record = toy_run(bench, results)
    bench("export", "maps", record.folder, "--out", out)
    command = ("evaluate", "--dataset", "toy", "--maps", out, "--plugins", PLUGINS, "--save", "mine")
    bench(*command, "--results", results)
    store = RecordStore(results)
    (mine,) = [r for r in store.records() if r.spec.method == "mine"]
    draft = results / "work" / f".draft-{mine.key}-abc"
    draft.mkdir()
    with store.claims.hold(store.claim_of(mine.spec)):
        status, _, err = bench(*command, "--results", results)
    assert (status, "is under way: process" in err, draft.exists()) == (2, True, True)
    status, _, _ = bench(*command, "--results", results)
    assert (status, draft.exists()) == (0, False)


def test_other_maps_are_another_record(bench, tmp_path):
    results, out = tmp_path / "results", tmp_path / "maps"
    record = toy_run(bench, results)
    bench("export", "maps", record.folder, "--out", out)
    command = ("evaluate", "--dataset", "toy", "--maps", out, "--plugins", PLUGINS, "--results", results)
    bench(*command, "--save", "mine")
    write_map(out / "test" / "000.tiff", np.zeros((40, 40)))
    bench(*command, "--save", "mine")
    assert len([r for r in RecordStore(results).records() if r.spec.method == "mine"]) == 2


def test_maps_that_do_not_fit_are_all_listed(bench, tmp_path):
    out = tmp_path / "maps"
    bench("export", "maps", toy_run(bench, tmp_path / "results").folder, "--out", out)
    write_map(out / "test" / "003.tiff", np.zeros((40, 41)))
    write_map(out / "test" / "004.tiff", np.full((40, 40), np.nan))
    status, _, err = bench("evaluate", "--dataset", "toy", "--maps", out, "--plugins", PLUGINS)
    assert status == 2
    assert "003.tiff: map 41x40, image 40x40" in err
    assert "004.tiff: 1600 of 1600 pixels" in err
    (out / "test" / "007.tiff").unlink()
    _, _, err = bench("evaluate", "--dataset", "toy", "--maps", out, "--plugins", PLUGINS)
    assert "1 test image(s) have no map" in err
    assert "test/007.tiff" in err


@pytest.mark.parametrize(("name", "message"), [("fanogan", "is a method of ours"), ("My Maps", "small letters")])
def test_names_that_would_mislead_are_refused(bench, tmp_path, name, message):
    status, _, err = bench("evaluate", "--dataset", "toy", "--maps", tmp_path, "--plugins", PLUGINS, "--save", name)
    assert status == 2
    assert message in err


def test_a_run_without_maps_says_why_there_is_nothing_to_export(bench, tmp_path):
    record = toy_run(bench, tmp_path / "results")
    for file in (record.folder / "maps").iterdir():
        file.unlink()
    status, _, err = bench("export", "maps", record.folder, "--out", tmp_path / "maps")
    assert status == 2
    assert "holds no maps" in err
    status, _, err = bench("export", "maps", "nothing", "--out", tmp_path / "maps", "--results", tmp_path / "results")
    assert status == 2
    assert record.key in err
