"""What every executor must do: isolate, record failures, stop, resume, and do nothing twice.

Each test starts ``bench run`` as a user does; the runs are of a method that crashes in the way it is told to.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from waiting import wait_until

from .grids import BEGUN, ONE_AT_A_TIME

pytestmark = pytest.mark.slow


def is_alive(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("abort", "killed by SIGABRT"),
        ("kill", "killed by SIGKILL"),
        ("exit", "ended with status 3 and no record"),
        ("raise", "IndexError: a bug in a method"),
        ("leave", "SystemExit: 4"),
    ],
)
def test_a_crash_costs_one_row(grid, how, reason):
    done = grid.run("--set", f"how={how}", method="crash,intensity")
    failed, fine = sorted(grid.records(), key=lambda record: record.spec.method)
    assert (failed.status, fine.status) == ("failed", "done")
    assert reason in failed.reason
    assert done.returncode == 1
    log = grid.results / "logs" / f"{failed.key}.log"
    assert str(log) in done.stderr
    assert "crash on toy, seed 0" in log.read_text()
    assert reason.split(":")[0] in done.stdout.replace("\n", " ")  # a row of the table, with its reason
    if how in ("abort", "kill", "exit"):
        assert str(log) in failed.reason
        assert "walk: 20/20" in failed.reason  # the log's last lines
        assert "walk: 20/20" in (failed.folder / "log.txt").read_text()


def test_a_run_that_hangs_is_ended_and_recorded_as_a_timeout(grid):
    done = grid.run("--set", "how=hang", "--timeout", "20s", method="crash,intensity")
    hung, fine = sorted(grid.records(), key=lambda record: record.spec.method)
    assert (hung.status, fine.status) == ("timeout", "done")
    assert "took longer than 20 s (--timeout)" in hung.reason
    assert done.returncode == 1
    (pid,) = grid.starts()
    assert not is_alive(pid)


def test_a_slow_run_goes_on_from_its_checkpoint_after_a_timeout(grid):
    slow = ("--set", "seconds=30", "--set", "steps=600", "--timeout", "20s")
    assert grid.run(*slow).returncode == 1
    assert grid.statuses() == {"timeout": 1}
    for _ in range(4):
        done = grid.run(*slow)
        if done.returncode == 0:
            break
    assert grid.statuses() == {"done": 1}
    (record,) = grid.records()
    assert "walk: resumed at step" in (grid.results / "logs" / f"{record.key}.log").read_text()


def test_runs_are_taken_in_the_order_of_the_plan(grid, executor):
    done = grid.run(*ONE_AT_A_TIME[executor], "--seeds", "2,0,1", method="crash,intensity")
    begun = BEGUN[executor]
    started = [line.removeprefix(begun) for line in done.stderr.splitlines() if line.startswith(begun)]
    expected = [f"{method} on toy, seed {seed}, quick" for method in ("crash", "intensity") for seed in (2, 0, 1)]
    assert started == expected


def test_ctrl_c_stops_every_run_with_a_checkpoint(grid):
    command = ("--set", "seconds=60", "--set", "steps=600", "--seeds", "0,1,2")
    with grid.begin(*command) as process:
        wait_until(lambda: len(grid.starts()) == 2)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert grid.statuses() == {"interrupted": 2}  # the third was never begun
    assert not any(map(is_alive, grid.starts()))
    assert len(list(grid.results.glob("work/*/walk.checkpoint"))) == 2
    assert not list(grid.results.glob("work/*.claim"))


def test_a_grid_that_was_killed_is_finished_by_the_same_command(grid, executor, tmp_path):
    command = ("--set", "seconds=3", "--set", "steps=60", "--seeds", "0,1,2")
    calm = type(grid)(executor, tmp_path / "calm", tmp_path / "calm diary")
    assert calm.run(*command, "--set", f"crash.diary={grid.diary}").returncode == 0  # the diary is part of the key
    grid.diary.unlink()
    with grid.begin(*command) as process:
        wait_until(lambda: len(grid.starts()) == 3)
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, grid.starts())))  # they notice that their parent is gone
    dry = grid.run(*command, "--dry-run").stdout
    assert "3 runs: " in dry
    assert "done" in dry
    finished = grid.run(*command)
    assert finished.returncode == 0, finished.stderr
    assert grid.scores() == calm.scores()
    assert len(grid.records()) == 3


def test_two_grids_share_the_work_and_both_end_with_all_of_it(grid):
    command = ("--set", "seconds=1.5", "--seeds", "0,1,2,3,4,5", "--json")
    with grid.begin(*command) as one, grid.begin(*command) as two:
        outputs = [process.communicate(timeout=200)[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0]
    assert [len(output.splitlines()) for output in outputs] == [6, 6]
    assert len(grid.starts()) == 6  # none was begun twice
    assert grid.statuses() == {"done": 6}


def test_what_one_grid_saw_fail_the_other_does_not_repeat(grid):
    command = ("--set", "seconds=1.5", "--set", "how=exit", "--seeds", "0,1,2", "--json")
    with grid.begin(*command) as one, grid.begin(*command) as two:
        outputs = [process.communicate(timeout=200)[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [1, 1]
    assert [len(output.splitlines()) for output in outputs] == [3, 3]
    assert len(grid.starts()) == 3
    assert grid.run(*command).returncode == 1  # asked for again, they are tried again
    assert len(grid.starts()) == 6


def test_a_shared_stage_is_trained_once(grid):
    done = grid.run("--set", "shared=true", "--set", "seconds=6", method="crash,intensity,pca")
    assert done.returncode == 0, done.stderr
    grid.diary.unlink()
    (stage,) = grid.results.glob("stages/*/stage.json")
    stage.unlink()
    with (
        grid.begin("--set", "shared=true", "--set", "seconds=6", "--set", "other=1") as one,
        grid.begin("--set", "shared=true", "--set", "seconds=6", "--set", "other=2", method="crash,intensity") as two,
    ):
        errors = [process.communicate(timeout=200)[1] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], errors
    assert len(grid.starts()) == 1
    assert grid.statuses() == {"done": 5}


def test_a_claim_of_a_dead_process_is_taken_over_and_said(grid):
    hang = {"method": "crash,intensity"}
    with grid.begin("--set", "how=hang", **hang) as process:
        wait_until(lambda: grid.starts() and grid.statuses()["done"])
        (worker,) = map(int, grid.starts())
        os.kill(process.pid, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
    assert len(list(grid.results.glob("work/*.claim"))) == 1
    done = grid.run("--set", "how=hang", "--timeout", "6s", **hang)
    said = done.stderr + "".join(file.read_text() for file in grid.results.glob("logs/*.log"))  # by whoever claims it
    assert "taken over from process" in said
    assert f"process {worker} on" in said
    assert grid.statuses() == {"timeout": 1, "done": 1}
