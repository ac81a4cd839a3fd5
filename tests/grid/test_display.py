"""What a terminal shows of a grid under way."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live

from bench.executors.serial import SerialExecutor
from bench.grid.campaign import State
from bench.grid.display import LiveTable, display_for
from bench.jobs.job import Job
from bench.jobs.progress import Progress
from bench.records.record import Record
from bench.spec import RunSpec


@pytest.fixture
def job(tmp_path):
    def job(method, seed):
        spec = RunSpec(method, "mvtec-loco", "breakfast_box", "quick", "resize:32", seed)
        return Job(key=spec.key, spec=spec, results=tmp_path)

    return job


@pytest.fixture
def shown():
    """The lines of a terminal of 80 columns."""
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system=None)
    table = LiveTable(Live(console=console, auto_refresh=False))

    def lines(state):
        with console.capture() as capture:
            console.print(table.content(state))
        return capture.get().splitlines()

    lines.table = table
    return lines


def test_counts_stages_and_time_left(job, shown):
    running, fresh = job("anomalib:patchcore", 0), job("pca", 0)
    Progress("score test", 50, 200, 75.0).write(running.progress)
    waiting = [job("ae", seed) for seed in range(3)]
    state = State(waiting, {j.key: j for j in (running, fresh)}, {waiting[0].key}, {})
    head, times, titles, first, second = shown(state)
    assert head.startswith("5 runs: 2 running, 2 waiting, 1 held by others, 0 done")
    assert times == "0:00"
    assert titles.split() == ["run", "stage", "steps", "left", "since"]
    assert first.startswith("anomalib:patchcore on mvtec-loco:b…")  # the name gives way, figures do not
    assert first.split()[-3:] == ["50/200", "1:15", "0:00"]
    assert "pca on mvtec-loco:breakfast_box" in second
    assert "starting" in second


def test_a_failure_is_one_line_however_long_its_reason(job, shown):
    spoilt = job("ae", 7)
    reason = "killed by SIGKILL " + "because " * 20 + "\nlog: there"
    record = Record(key=spoilt.key, spec=spoilt.spec, status="failed", reason=reason)
    state = State([], {}, set(), {spoilt.key: record})
    shown.table.finished(spoilt, record, state)
    head, _, line = shown(state)
    assert "0 done, 1 failed" in head
    assert line.startswith("failed ae on mvtec-loco:breakfast_box, seed 7: killed by SIGKILL because")
    assert line.endswith("…")
    assert len(line) <= 80


def test_markup_in_a_name_is_text(job, shown):
    spec = RunSpec("a[red]b", "toy", None, "quick", "resize:32", 0)
    odd = Job(key=spec.key, spec=spec, results=job("pca", 0).results)
    assert "a[red]b on toy" in "\n".join(shown(State([], {odd.key: odd}, set(), {})))


def test_runs_in_this_process_get_a_line_each(job, silent):
    done = Record(key=job("pca", 0).key, spec=job("pca", 0).spec, status="failed", reason="why")
    with display_for(SerialExecutor("cpu", silent), silent, 2) as display:
        state = State([], {}, set(), {})
        display.started(job("pca", 0), state)
        display.finished(job("pca", 0), done, state)
    assert silent.said == ["[1/2] pca on mvtec-loco:breakfast_box, seed 0, quick", "  failed: why"]
