"""``bench time`` as a user calls it: real processes, real methods, small networks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import PLUGINS

from bench.errors import ConfigError
from bench.timing.campaign import parse_batches
from bench.timing.process import AUTO
from bench.timing.record import read_timings

SMALL = ("width=2", "latent_dim=4", "batch_size=8", "images=16", "tested=8")


def command(*arguments, results):
    more = (
        ["--results", str(results), "--plugins", str(PLUGINS)]
        if arguments[0] == "time"
        else ["--results", str(results)]
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments, *more], capture_output=True, text=True, timeout=550, env=environment
    )


def timed(*arguments, results, settings=SMALL):
    chosen = [word for text in settings for word in ("--set", text)]
    return command("time", "--dataset", "toy", "--device", "cpu", *chosen, *arguments, results=results)


@pytest.mark.parametrize(
    ("text", "batches"), [("1,64,auto", [1, 64, AUTO]), ("auto", [AUTO]), (" 8 , 8", [8]), ("2,", [2])]
)
def test_batches(text, batches):
    assert parse_batches(text) == batches


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "8,car"])
def test_what_is_no_batch_is_refused(text):
    with pytest.raises(ConfigError, match="such as 1,64,auto"):
        parse_batches(text)


@pytest.mark.slow
def test_methods_side_by_side_in_fresh_processes(tmp_path):
    done = timed("--method", "fanogan,intensity", "--repeats", "2", "--batch", "1,4,auto", "--json", results=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {each["spec"]["method"]: each for each in map(json.loads, done.stdout.splitlines())}
    processes = [process for each in found.values() for process in each["measured"]]
    assert len({process["pid"] for process in processes}) == 4
    assert sorted(process["position"] for process in processes) == list(range(4))
    assert [p["position"] for p in found["fanogan"]["measured"]] != [0, 1]  # shuffled
    for name, each in found.items():
        for process in each["measured"]:
            assert process["latency"].keys() == ({"network"} if name == "fanogan" else set()) | {"answer", "from_file"}
            assert all(0 < at["median"] <= at["p90"] <= at["p99"] for at in process["latency"].values())
            assert set(process["tiles_per_second"]["answer"]) >= {"1", "4"}
            assert process["matrix_rate"] > 0
            assert process["memory"]["process"] > 1e8
            assert process["conditions"]["flags"]["threads"] == 1
    one = found["fanogan"]["measured"][0]
    assert [loop["name"] for loop in one["loops"]] == ["GAN", "encoder"]
    gan = one["loops"][0]
    assert (gan["steps"], gan["images_per_step"], gan["updates_per_step"]) == (1000, 2 * 8, 3)
    assert found["intensity"]["measured"][0]["parameters"] == 0
    assert one["operations"]["answer"] > one["operations"]["network"] > 0
    again = command("leaderboard", "--timing", "--dataset", "toy", results=tmp_path)
    assert again.returncode == 0
    assert all(name in again.stdout for name in found)
    assert "GFLOP" in again.stdout or "MFLOP" in again.stdout


@pytest.mark.slow
def test_a_method_that_cannot_be_timed_costs_its_row(tmp_path):
    done = timed(
        "--method", "explode,intensity", "--repeats", "1", "--batch", "1", results=tmp_path, settings=("how=bug",)
    )
    assert done.returncode == 1
    assert "no result" in done.stdout
    assert "explode: IndexError: a bug in a method" in " ".join(done.stdout.split())
    assert "score, p50" in done.stdout


@pytest.mark.slow
def test_a_process_that_takes_too_long_costs_its_row(tmp_path):
    done = timed("--method", "explode,intensity", "--repeats", "1", "--batch", "1", "--timeout", "40s",
                 results=tmp_path, settings=("how=hang",))  # fmt: skip
    assert done.returncode == 1
    assert "explode: took longer than 40 s (--timeout)" in " ".join(done.stdout.split())
    assert [each.spec.method for each in read_timings(tmp_path)] == ["intensity"]


@pytest.mark.slow
def test_what_was_measured_before_ctrl_c_is_shown_and_kept(tmp_path):
    arguments = ["--method", "intensity", "--dataset", "toy", "--device", "cpu", "--repeats", "50", "--batch", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "time", *arguments, "--results", str(tmp_path), "--plugins", str(PLUGINS)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr
    for line in process.stderr:
        if "[2/50]" in line:
            os.killpg(process.pid, signal.SIGINT)
            break
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped by the user" in " ".join(shown.split())
    assert len(next(read_timings(tmp_path)).measured) == 1


def test_bad_input_is_refused_before_anything_is_timed(tmp_path):
    for arguments, message in (
        (("--method", "intensty"), "Did you mean intensity"),
        (("--method", "intensity", "--batch", "many"), "such as 1,64,auto"),
        (("--method", "intensity", "--precision", "tf32"), "needs an NVIDIA GPU"),
    ):
        done = timed(*arguments, results=tmp_path, settings=())
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
    assert not (tmp_path / "timings").exists()
