"""The command line as a user meets it: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import metadata

import numpy as np
import pytest
from conftest import PLUGINS, TINY
from PIL import Image

from bench import cli, plugins


@pytest.fixture
def bench(monkeypatch, capsys, tmp_path):
    """Call the command line in this process; returns (exit status, standard output, standard error)."""

    def call(*arguments, results=None):
        command = [str(a) for a in arguments]
        if command[0] == "run":
            command += [
                "--results",
                str(results or tmp_path / "results"),
                "--plugins",
                str(PLUGINS),
                "--executor",
                "serial",
            ]
        monkeypatch.setattr(sys, "argv", ["bench", *command])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


def toy(*more, method="intensity", dataset="toy"):
    return ("run", "--method", method, "--dataset", dataset, "--device", "cpu", *more)


def test_help_and_list_import_nothing_heavy():
    code = """
import sys
from typer.testing import CliRunner
from bench.cli import app
for command in (["--help"], ["run", "--help"], ["list", "methods"], ["list", "datasets", "--json"],
                ["turing", "make", "--help"]):
    assert CliRunner().invoke(app, command).exit_code == 0, command
heavy = {"torch", "pandas", "seaborn", "anomalib", "matplotlib", "sklearn", "datasets"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version_and_commit_are_printed(bench):
    status, out, _ = bench("--version")
    assert status == 0
    assert re.fullmatch(r"fanogan-bench \S+(, commit [0-9a-f]{10}( with changes)?)?\n", out)
    assert metadata.version("fanogan-bench") in out


def test_a_run_prints_its_table_and_a_second_call_answers_from_the_record(bench):
    status, out, err = bench(*toy("--preset", "quick"))
    assert status == 0
    assert "quick, synthetic" in out
    assert "AUROC" in out
    assert "24 normal + 24 anomalous, 12 patients" in out
    assert "images" in err
    status, again, err = bench(*toy("--preset", "quick"))
    assert (status, again) == (0, out)
    assert "recorded already" in err


def test_without_a_preset_a_cpu_takes_quick_and_says_so(bench):
    _, out, err = bench(*toy())
    assert "No GPU: taking --preset quick" in err
    assert "quick" in out


def test_json_puts_records_and_nothing_else_on_standard_output(bench):
    status, out, _ = bench(*toy("--preset", "quick", "--seeds", "0,1", "--json"))
    records = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [r["spec"]["seed"] for r in records] == [0, 1]
    assert all(r["metrics"]["score"]["auroc"] > 0.5 for r in records)


def test_dry_run_says_what_is_done_stale_failed_and_blocked(bench, tmp_path):
    bench(*toy("--preset", "quick", method="intensity,explode"))
    status, out, _ = bench(
        *toy("--preset", "quick", "--seeds", "0,1", "--dry-run", dataset="toy,mnist:1", method="intensity,explode"),
    )
    assert status == 0
    assert "8 runs: 1 done, 2 new, 1 diverged, 4 blocked; 3 to do" in out
    assert "No data for 'mnist'" in out
    status, out, _ = bench(*toy("--preset", "quick", "--set", "brightness=9", "--dry-run"))
    assert "stale" in out
    assert "brightness 0 -> 9" in out
    assert not (tmp_path / "results" / "work" / "x").exists()


def test_a_dry_run_writes_nothing(bench, tmp_path):
    bench(*toy("--dry-run"))
    assert not (tmp_path / "results").exists()


def test_a_failed_run_ends_with_status_one(bench):
    status, out, err = bench(*toy("--preset", "quick", method="explode"))
    assert status == 1
    assert "diverged" in out
    assert "became inf at step 21" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (toy(method="fanogam"), "Unknown method 'fanogam'. Did you mean fanogan"),
        (toy(dataset="oct-fantom"), "Did you mean oct-phantom"),
        (toy(dataset="mnist:ten"), "Unknown category of mnist 'ten'"),
        (toy(dataset="mnist"), "mnist needs a category, such as mnist:0 or mnist:all"),
        (toy("--set", "latent=3", method="fanogan"), "Unknown parameter 'latent'. Did you mean latent_dim"),
        (toy("--set", "latent_dim=0", method="fanogan"), "--set latent_dim=0 cannot be used. Input should be greater"),
        (toy("--set", "latent_dim=many", method="fanogan"), "numbers in a latent code z; default 128"),
        (toy("--set", "latent_dim", method="fanogan"), "Expected --set key=value"),
        (toy("--set", "izi.kappa=1", method="fanogan"), "Unknown plug-in of this request 'izi'"),
        (toy("--preset", "fast"), "Unknown preset of intensity 'fast'"),
        (toy("--view", "patches:64"), "such as resize:64 or patches:64/32, found 'patches:64'"),
        (toy("--seeds", "a"), "Expected whole numbers after --seeds"),
        (("run", "--method", "intensity", "--dataset", "toy", "--device", "gpu"), "Unknown device 'gpu'"),
        (("run", "--method", "intensity", "--dataset", "toy", "--device", "cuda:99"), "Device 'cuda:99' is not there"),
        (("list", "fanogam"), "Did you mean fanogan"),
        (("list", "foo", "pca"), "Unknown kind of plug-in 'foo'. Known: datasets, methods. See: bench list pca."),
        (("list", "datasets", "pca"), "Unknown dataset 'pca'"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_nearest_names(bench, arguments, expected):
    status, out, err = bench(*arguments)
    assert status == 2
    assert expected in err
    assert "Traceback" not in err + out


def test_debug_shows_the_traceback(monkeypatch, tmp_path):
    from bench.errors import ConfigError

    monkeypatch.setattr(sys, "argv", ["bench", "list", "fanogam", "--debug"])
    with pytest.raises(ConfigError):
        cli.main()


def test_missing_data_says_where_it_looked_and_what_needs_none(bench, tmp_path):
    status, _, err = bench(*toy("--data-root", tmp_path, dataset="mnist:1"))
    assert status == 2
    assert f"{tmp_path} (another layout)" in err
    assert "idx files" in err
    assert "oct-phantom" in err
    status, _, err = bench(*toy("--data-root", tmp_path / "gone", dataset="oct"))
    assert f"{tmp_path / 'gone'} (not there)" in err


def test_data_is_found_below_the_environments_folder(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    _, _, err = bench(*toy(dataset="mnist:1"))
    assert f"{tmp_path / 'mnist'} (another layout)" in err


def test_too_few_images_for_a_batch(bench):
    status, out, _ = bench(*toy("--preset", "quick", "--set", "images=5", *settings(TINY), method="fanogan"))
    assert status == 1
    assert "found 5 for a batch of 8" in " ".join(out.split())


def settings(pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def test_a_test_image_smaller_than_a_patch_is_told_before_training(bench, tmp_path):
    draw = np.random.default_rng(0).integers
    for name in ("train/good/0", "train/good/1", "test/good/0", "test/bad/0"):
        path = tmp_path / "own" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(0, 255, (50 if name == "test/bad/0" else 70, 100), np.uint8)).save(path)
    arguments = toy("--data-root", tmp_path / "own", "--view", "patches:64/32", method="explode", dataset="folder")
    status, out, _ = bench(*arguments)  # fitting it would end otherwise
    assert status == 1
    assert "found 1 smaller, the first 100x50" in " ".join(out.split())


def test_an_unwritable_results_folder_is_told_before_any_work(bench, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    status, _, err = bench(*toy("--preset", "quick"), results=file / "results")
    assert status == 2
    assert "cannot be written" in err
    assert "--results DIR" in err


def test_list_prints_parameters_with_meaning_and_default(bench):
    status, out, _ = bench("list", "fanogan")
    assert status == 0
    assert bench("list", "methods", "fanogan")[1] == out
    assert "latent_dim" in out
    assert "numbers in a latent code z" in out
    _, out, _ = bench("list", "datasets", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert rows["oct-phantom"]["synthetic"] is True
    assert not rows["oct-phantom"]["needs"]
    assert rows["mnist"]["categories"] == list("0123456789")


def test_doctor_finds_what_would_stop_a_run(bench, tmp_path):
    status, out, _ = bench("doctor", "--results", tmp_path / "results")
    assert status == 0
    assert "torch" in out
    assert "oct-phantom: nothing to download" in out
    assert "Nothing would stop a run." in out
    (tmp_path / "file").write_text("")
    status, out, _ = bench("doctor", "--results", tmp_path / "file" / "x")
    assert status == 1
    assert "would stop a run" in out


def test_doctor_names_a_plugin_that_raises_anything(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "__path__", [*plugins.__path__])  # the folder is forgotten afterwards
    file = tmp_path / "plugins" / "datasets" / "raises_anything.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1 / 0\nclass Dataset:\n    needs = 'something'\n")
    _, out, _ = bench("doctor", "--json", "--plugins", file.parents[1])
    assert f"({file}, line 1) cannot be imported: ZeroDivisionError: division by zero." in out


def test_the_python_api_gives_the_same_records(bench, tmp_path):
    from bench import run

    bench(*toy("--preset", "quick"))
    (record,) = run("intensity", "toy", preset="quick", device="cpu", results=tmp_path / "results")
    (other,) = run("intensity", "toy", preset="quick", params={"brightness": 5}, device="cpu", results=tmp_path / "o")
    assert record.status == other.status == "done"
    assert record.key != other.key
    _, out, _ = bench(*toy("--preset", "quick", "--json"))
    assert json.loads(out)["key"] == record.key


ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def command_line(tmp_path, *more):
    return [
        sys.executable, "-m", "bench", *toy("--preset", "quick", *settings(TINY[:-2]), *more, method="fanogan"),
        "--set", "generator_steps=40", "--set", "encoder_steps=2000",
        "--results", str(tmp_path / "results"), "--plugins", str(PLUGINS),
    ]  # fmt: skip


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"never said {text!r}")


def test_ctrl_c_is_recorded_as_interrupted(tmp_path):
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": ONE_THREAD}
    with subprocess.Popen(command_line(tmp_path), **pipes) as process:
        wait_for(process, "GAN: 40/40")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in out
    (record,) = (tmp_path / "results").glob("runs/*/*/*/record.json")
    assert json.loads(record.read_text())["status"] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [1.5, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0])
def test_sigkill_at_any_point_leaves_no_half_written_record(tmp_path, seconds):
    command = command_line(tmp_path, "--set", "encoder_steps=60")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ONE_THREAD) as process:
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
    for folder in (tmp_path / "results").glob("runs/*/*/*"):
        names = {file.name for file in folder.iterdir()}
        assert {"record.json", "scores.parquet", "weights.safetensors", "extremes.png"} <= names
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ONE_THREAD)
    assert "AUROC" in done.stdout


def test_list_shows_each_preset_and_where_a_published_one_is_from(bench):
    status, out, _ = bench("list", "methods", "fanogan")
    text = " ".join(out.split())
    assert status == 0
    assert "--preset bmad-2024, view resize:256 from Bao" in text
    assert "--preset loco-2022, view resize:64 from Bergmann" in text
    assert "600 steps of the critic and 120 of the generator" in text
    rows = {row["key"]: row for row in map(json.loads, bench("list", "methods", "fanogan", "--json")[1].splitlines())}
    assert rows["latent_dim"] == {
        "key": "latent_dim",
        "default": 128,
        "presets": {"quick": 64, "bmad-2024": 100},
        "meaning": "numbers in a latent code z",
    }


def test_a_published_preset_brings_its_view_and_counts_its_epochs_in_steps(bench):
    _, out, _ = bench(*toy("--preset", "bmad-2024", "--dry-run", "--json", method="fanogan"))
    assert json.loads(out)["view"] == "resize:256"
    status, _, err = bench(*toy("--preset", "bmad-2024", method="intensity"))
    assert status == 2
    assert "Unknown preset of intensity 'bmad-2024'" in err


def test_several_methods_end_with_one_ranking_and_a_line_to_beat(bench):
    status, out, _ = bench(*toy("--preset", "quick", method="intensity,pca,knn,gaussian,explode"))
    assert status == 1
    assert out.count("rank") == 1
    assert "intensity (trivial)" in out
    assert "line to beat" in out
    assert "explode on toy, seed 0: diverged" in " ".join(out.split())
