"""What only Ray does: lose a node, give GPUs, have no room. Against a real cluster of two nodes on this machine."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from waiting import wait_until

from .grids import Grid
from .test_executors import is_alive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray")]


@pytest.fixture
def grid(tmp_path):
    return Grid("ray", tmp_path / "results", tmp_path / "diary")


def test_a_node_that_is_lost_costs_no_run(grid, ray, tmp_path):
    long = ("--set", "seconds=50", "--set", "steps=500", "--seeds", "0,1")  # longer than to the first checkpoint
    calm = Grid("local", tmp_path / "calm", tmp_path / "unused")
    assert calm.run(*long, "--set", f"crash.diary={grid.diary}").returncode == 0  # the diary is part of the key
    grid.diary.unlink()
    with grid.begin(*long) as process:
        wait_until(lambda: len(list(grid.results.glob("work/*/walk.checkpoint"))) == 2, 120)
        ray.lose_second()
        ray.replace_second()
        _, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    assert "it is handed over again" in err
    assert grid.statuses() == {"done": 2}
    assert grid.scores() == calm.scores()
    assert len(grid.starts()) == 3  # one of them twice
    logs = [log.read_text() for log in grid.results.glob("logs/*.log")]
    assert sum("walk: resumed at step" in log for log in logs) == 1
    assert not list(grid.results.glob("work/*.claim"))


def test_a_run_sees_the_gpus_that_ray_gives_it_and_else_none(grid, ray):
    """The GPU is feigned: what counts is what the run's process is told."""
    ray.lose_second()
    ray.replace_second(num_gpus=2, resources={"accelerator_type:A100": 1})
    try:
        assert seen_by_the_run(grid, "--gpus", "a100:1", "--cpus", "1") in ("0", "1")
        assert seen_by_the_run(grid) == ""
    finally:
        ray.lose_second()
        ray.replace_second()


def seen_by_the_run(grid, *options) -> str:
    with grid.begin("--set", "how=hang", *options) as process:
        wait_until(lambda: grid.starts())
        environment = Path(f"/proc/{grid.starts()[0]}/environ").read_bytes().decode().split("\0")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    grid.diary.unlink()
    (value,) = [each.partition("=")[2] for each in environment if each.startswith("CUDA_VISIBLE_DEVICES=")]
    return value


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--cpus", "2"), "asks for, 2 CPU:"),
        (("--gpus", "1"), "asks for, 1 CPU, 1 GPU:"),
        (("--memory", "9T"), "9216.0 GiB of memory:"),
        (("--gpus", "h100:1"), "1 GPU, h100:"),
    ],
)
def test_what_no_node_has_is_refused_before_anything_is_run(grid, options, expected):
    done = grid.run(*options)
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())
    assert "ray start --address=" in done.stderr
    assert not grid.starts()


def test_a_second_ctrl_c_kills_at_once(grid):
    with grid.begin("--set", "how=hang", "--grace", "10m") as process:
        wait_until(lambda: len(grid.starts()) == 1)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    (pid,) = grid.starts()
    assert not is_alive(pid)
    assert grid.statuses() == {"interrupted": 1}


def test_a_run_cannot_be_left_to_ray(grid):
    done = grid.run("--detach")
    assert done.returncode == 2
    assert "those of --executor ray end with the command" in done.stderr
    assert "--executor slurm" in done.stderr


def test_runs_end_with_the_command_that_started_them(grid):
    with grid.begin("--set", "seconds=60", "--set", "steps=600") as process:
        wait_until(lambda: len(grid.starts()) == 1)
        time.sleep(2)
        process.kill()
    wait_until(lambda: not any(map(is_alive, grid.starts())))
