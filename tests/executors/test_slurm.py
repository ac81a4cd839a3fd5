"""What only a cluster does: queue, requeue, cut off, forget, be out of reach. Against a real Slurm on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from waiting import wait_until

from bench.executors.slurm_submission import submissions

from .grids import PLUGINS, Grid, pipes
from .test_executors import is_alive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]


@pytest.fixture
def grid(tmp_path):
    return Grid("slurm", tmp_path / "results", tmp_path / "diary")


def look(grid, command, *more, begin=False):
    """``bench grid status|wait|cancel`` on the grid's folder."""
    start = subprocess.Popen if begin else subprocess.run
    return start([sys.executable, "-m", "bench", "grid", command, "--results", str(grid.results), *more], **pipes())


def states(grid):
    done = look(grid, "status", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["state"] for line in done.stdout.splitlines()]


def only_task(grid):
    (submission,) = submissions(grid.results)
    return submission.task_id(0)


def slow(seconds, steps):
    return "--set", f"seconds={seconds}", "--set", f"steps={steps}"


def test_left_alone_a_grid_is_found_again_and_ends_with_its_table(grid):
    left = grid.run(*slow(6, 60), "--seeds", "0,1,2", "--detach", method="crash,intensity")
    assert left.returncode == 0, left.stderr
    assert "6 runs left to Slurm as job" in left.stdout
    wait_until(lambda: "running" in states(grid))
    seen = states(grid)
    assert len(seen) == 6
    assert "waiting" in seen  # two at once
    ended = look(grid, "wait", "--plugins", str(PLUGINS))
    assert ended.returncode == 0, ended.stderr
    assert "AUROC" in ended.stdout
    assert states(grid) == ["done"] * 6
    assert len(grid.starts()) == 3


def test_a_task_that_dies_unseen_gets_its_row_from_whoever_waits(grid):
    assert grid.run("--set", "how=exit", "--detach", method="crash,intensity").returncode == 0
    wait_until(lambda: sorted(states(grid)) == ["done", "lost"])
    ended = look(grid, "wait")
    assert ended.returncode == 1
    assert grid.statuses() == {"done": 1, "failed": 1}
    (failed,) = [record for record in grid.records() if record.status == "failed"]
    assert "ended with status 3 and no record" in failed.reason
    assert "task " in (failed.folder / "log.txt").read_text()


def test_cancelled_runs_leave_checkpoints_and_the_same_command_resumes(grid):
    command = (*slow(15, 300), "--seeds", "0,1,2")
    assert grid.run(*command, "--detach").returncode == 0
    wait_until(lambda: len(grid.starts()) == 2)
    time.sleep(2)
    called_off = look(grid, "cancel")
    assert "2 running asked to checkpoint and end, 1 waiting struck out" in called_off.stdout
    wait_until(lambda: not {"running", "waiting"} & set(states(grid)))
    assert grid.statuses() == {"interrupted": 2}
    assert not any(map(is_alive, grid.starts()))
    assert len(list(grid.results.glob("work/*/walk.checkpoint"))) == 2
    done = grid.run(*command)
    assert done.returncode == 0, done.stderr
    logs = [log.read_text() for log in grid.results.glob("logs/*.log")]
    assert sum("walk: resumed at step" in log for log in logs) == 2


def test_a_requeued_run_goes_on_from_its_checkpoint_with_the_same_scores(grid, slurm, tmp_path):
    command = (*slow(15, 300), "--set", f"crash.diary={grid.diary}")
    calm = Grid("slurm", tmp_path / "calm", tmp_path / "unused")
    assert calm.run(*command).returncode == 0
    grid.diary.unlink()
    with grid.begin(*command) as process:
        wait_until(lambda: len(grid.starts()) == 1)
        time.sleep(3)
        slurm.call("scontrol", "requeue", only_task(grid))
        _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    (record,) = grid.records()
    assert "walk: resumed at step" in (grid.results / "logs" / f"{record.key}.log").read_text()
    assert grid.scores() == calm.scores()
    assert len(grid.starts()) == 2


def test_a_run_preempted_by_a_more_urgent_job_goes_on_after_it(grid, slurm):
    with grid.begin(*slow(15, 300), "--partition", "main", "--sbatch=--exclusive") as process:
        wait_until(lambda: len(grid.starts()) == 1)
        time.sleep(3)
        slurm.call("sbatch", "-p", "urgent", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3")
        _, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    assert grid.statuses() == {"done": 1}
    assert len(grid.starts()) == 2


def test_slurms_time_limit_is_a_timeout_with_a_checkpoint(grid):
    done = grid.run(*slow(400, 4000), "--time", "1m")
    assert done.returncode == 1
    (record,) = grid.records()
    assert record.status == "timeout", record.reason
    assert "took longer than Slurm gave it, 1 min 00 s (--time)" in record.reason
    assert len(list(grid.results.glob("work/*/walk.checkpoint"))) == 1


def test_an_unreachable_controller_costs_nothing(grid, slurm):
    with grid.begin(*slow(8, 80)) as process:
        wait_until(lambda: len(grid.starts()) == 1)
        slurm.stop_controller()
        time.sleep(12)
        slurm.start_controller()
        _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "Slurm does not answer" in err
    assert "Slurm answers again" in err
    assert grid.statuses() == {"done": 1}


def test_a_hiccup_of_authentication_costs_nothing(grid, slurm):
    with grid.begin(*slow(20, 200)) as process:
        wait_until(lambda: len(grid.starts()) == 1)
        slurm.stop_authentication()
        time.sleep(12)
        slurm.start_authentication()
        _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert "Protocol authentication error" in err
    assert "Slurm answers again" in err
    assert grid.statuses() == {"done": 1}
    assert len(grid.starts()) == 1


def test_who_was_killed_finds_waiting_tasks_again_and_hands_over_none_twice(grid):
    command = (*slow(4, 40), "--seeds", "0,1,2,3", "--max-parallel", "1")
    with grid.begin(*command) as process:
        wait_until(lambda: len(grid.starts()) == 1)
        os.kill(process.pid, signal.SIGKILL)
    done = grid.run(*command)
    assert done.returncode == 0, done.stderr
    assert len(grid.starts()) == 4
    assert len(submissions(grid.results)) == 1


def test_a_claim_left_on_another_machine_falls_with_its_task(grid, slurm):
    """Slurm says that the task is over: nobody waits minutes for signs of life."""
    with grid.begin("--set", "how=hang", "--timeout", "200s") as process:
        wait_until(lambda: len(grid.starts()) == 1)
        (claim,) = grid.results.glob("work/*.claim")
        stated = json.loads(claim.read_text()) | {"machine": "elsewhere", "host": "elsewhere"}
        claim.write_text(json.dumps(stated))
        slurm.call("scancel", "--signal=KILL", "--batch", only_task(grid))
        _, err = process.communicate(timeout=60)
    assert grid.statuses() == {"failed": 1}, err
    assert not list(grid.results.glob("work/*.claim"))
