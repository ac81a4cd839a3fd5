"""A run as a file: written, read, performed elsewhere, and refused where code or data are others by then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import PLUGINS
from filelock import FileLock
from waiting import wait_until

from bench.errors import ConfigError
from bench.grid.execution import make_job
from bench.grid.planning import plan
from bench.grid.request import Request
from bench.jobs import logs
from bench.jobs.job import BUSY, read_job
from bench.jobs.progress import FileReporter, Progress


@pytest.fixture
def job(store):
    """The toy data set and the trivial baseline."""
    request = Request(["intensity"], ["toy"], preset="quick", settings=["images=8", "tested=8"])
    (run,) = plan(request, store)
    return make_job(run, store)


def perform(job, *more):
    command = [sys.executable, "-m", "bench.worker", str(job.write()), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_a_job_survives_being_written_and_read(job):
    assert read_job(job.write()).model_dump() == job.model_dump()
    assert job.plugins == (PLUGINS,)
    assert job.label == "intensity on toy, seed 0"


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"key": 3}', "\x00"])
def test_what_is_no_job_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.json cannot be used as a job"):
        read_job(tmp_path / "a.json")


def test_a_job_of_another_version_is_refused(job):
    told = json.loads(job.write().read_text())
    job.file.write_text(json.dumps({**told, "job_schema": 2}))
    with pytest.raises(ConfigError, match=r"cannot be used as a job: (?s:.*)job_schema"):
        read_job(job.file)


def test_a_process_performs_it_and_the_record_is_that_of_a_run_here(job, store, run_toy):
    done = perform(job)
    assert done.returncode == 0, done.stderr
    there = store.find(job.spec)
    (here,) = run_toy("intensity", settings=["images=8", "tested=8"], force=True)
    scores = [pd.read_parquet(record.folder / "scores.parquet") for record in (there.at(here.folder), here)]
    assert (there.key, there.metrics) == (here.key, here.metrics)
    pd.testing.assert_frame_equal(*scores)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"data": "0"}, "data changed"), ({"method_code": "0"}, "the method's code changed"),
     ({"referee_code": "0"}, "the referee's code changed")],
)  # fmt: skip
def test_what_changed_since_the_plan_is_said(job, store, change, reason):
    spec = replace(job.spec, **change)
    done = perform(job.updated(spec=spec, key=spec.key))
    record = store.find(spec)
    assert done.returncode == 0
    assert record.status == "failed"
    assert f"{reason} between planning and running" in record.reason
    assert (record.protocol_name, record.synthetic, record.counts.train) == ("toy", True, 8)


def test_an_edited_job_is_refused(job, store):
    perform(job.updated(key="0" * 16))
    assert "the job's file was edited" in store.find(job.spec).reason


def test_a_run_that_another_process_has_is_left(job, store):
    with store.claim(job.spec):
        done = perform(job)
    assert done.returncode == BUSY
    assert f"process {os.getpid()}" in done.stderr
    assert Progress.read(job.progress).waits_for == str(store.claim_of(job.spec).absolute())
    assert store.find(job.spec) is None


def test_the_claim_made_for_it_is_its_own(job, store):
    token = store.claims.take(store.claim_of(job.spec)).token
    assert perform(job, "--claim", token).returncode == 0
    assert not store.claim_of(job.spec).exists()


def test_a_record_that_came_while_it_waited_for_the_claim_is_heeded(job, store):
    """The process looks, finds nothing, and by the time that it has the claim another process has done the run."""
    assert perform(job).returncode == 0
    record, aside, guard = (
        store.folder_of(job.spec),
        store.root / "aside",
        store.claim_of(job.spec).with_suffix(".lock"),
    )
    before = (record / "record.json").read_bytes()
    record.rename(aside)
    command = [sys.executable, "-m", "bench.worker", str(job.write()), "--unless-recorded"]
    with FileLock(guard) as held, subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: imports_torch(process.pid))
        aside.rename(record)
        held.release()
    assert process.returncode == 0
    assert (record / "record.json").read_bytes() == before


def imports_torch(pid):
    """Which it does after it has looked for a record, and before it asks for the claim."""
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def test_progress_is_written_and_read_and_never_in_the_way(tmp_path, silent, monkeypatch):
    file = tmp_path / "p.json"
    monkeypatch.setattr("bench.jobs.progress._WRITE_EVERY", 0.0)
    with FileReporter(file, silent).stage("GAN", 10) as stage:
        assert Progress.read(file) == Progress("GAN", 0, 10)
        stage.update(4)
        stage.update(6, {"loss": 0.5})
    found = Progress.read(file)
    assert (found.stage, found.done, found.total, found.values) == ("GAN", 6, 10, {"loss": 0.5})
    assert found.left > 0
    assert silent.updates == [("GAN", 4), ("GAN", 6)]
    for damaged in ("{", "[]", json.dumps({"unknown": 1})):
        file.write_text(damaged)
        assert Progress.read(file) == Progress()
    with FileReporter(tmp_path / "p.json" / "below a file", silent).stage("GAN", 10) as stage:
        stage.update(1)


def test_the_last_words_are_of_the_last_attempt_and_of_the_crash(tmp_path):
    file = tmp_path / "a.log"
    assert logs.last_attempt(file) == []
    file.write_text("== first\nold\n== second\n" + "".join(f"line {i}\n" for i in range(50)))
    lines = logs.last_attempt(file)
    assert lines[0] == "== second"
    assert logs.last_words(lines)[-1] == "line 49"
    crash = [
        "before",
        "Fatal Python error: Aborted",
        "",
        "Current thread:",
        "  File here",
        "  File there",
        *["far"] * 40,
    ]
    assert "  File here" in logs.last_words(crash)
    assert "before" in logs.last_words(crash)
    assert "far" not in logs.last_words(crash)
