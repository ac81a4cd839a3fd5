"""Runs that were left to Slurm: how they stand, waiting for them, calling them off.

Known from the submissions below results/slurm, the queue, and the store; any machine of the cluster may ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import ConfigError
from bench.executors.slurm import SlurmExecutor
from bench.executors.slurm_options import SlurmOptions
from bench.executors.slurm_queue import Task, cancel, require_slurm
from bench.executors.slurm_submission import Submission, submissions
from bench.jobs.job import Job
from bench.jobs.progress import Progress
from bench.progress import Reporter
from bench.records.record import Record
from bench.records.store import RecordStore

LOST = "lost"
"""State of a run whose task is over and left no record: ``wait`` writes its row."""


@dataclass(frozen=True)
class SubmittedRun:
    """One run and its latest task."""

    job: Job
    task: str
    """As Slurm's commands take it: ``123_4``."""
    state: str
    """``waiting`` or ``running``, the record's status, or ``lost``."""
    reason: str = ""
    progress: Progress = field(default_factory=Progress)
    record: Record | None = None

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        at = self.progress
        named = {"run": self.job.label, "key": self.job.key, "task": self.task, "state": self.state}
        return named | {"reason": self.reason, "stage": at.stage, "done": at.done, "total": at.total, "left": at.left}


def status(results: Path) -> list[SubmittedRun]:
    """Every run that was ever left to Slurm from this folder, by its latest task, oldest first.

    Raises ``ConfigError`` where nothing was, and ``UnreachableError``.
    """
    require_slurm()
    store, found, seen = RecordStore(results), [], set()
    for submission in _required(results):
        active = submission.active()
        for index, key in reversed(list(enumerate(submission.keys))):
            if key not in seen:
                seen.add(key)
                found.append(_look(store, submission, index, active.get(index)))
    return found[::-1]


def _look(store: RecordStore, submission: Submission, index: int, task: Task | None) -> SubmittedRun:
    job, id = submission.job(index), submission.task_id(index)
    if task and task.is_waiting:
        return SubmittedRun(job, id, "waiting", task.reason)
    if task:
        return SubmittedRun(job, id, "running", f"on {task.host}", Progress.read(job.progress))
    record = store.find(job.spec)
    if record and record.mark != job.seen:
        return SubmittedRun(job, id, record.status, (record.reason or "").partition("\n")[0], record=record)
    return SubmittedRun(job, id, LOST, "its task is over and left no record: bench grid wait says why")


def wait(results: Path, reporter: Reporter) -> list[Record]:
    """Wait until every run has its record, writing rows of those that died without; returns all records.

    Ctrl-C leaves the tasks alone.
    """
    from bench.grid.campaign import Campaign
    from bench.grid.display import display_for

    jobs = [run.job for run in status(results)]
    executor = SlurmExecutor(SlurmOptions(), reporter, submits=False)
    store = RecordStore(results)
    store.require_writable()
    with executor.stopping.listening(), display_for(executor, reporter, len(jobs)) as display:
        found = Campaign(jobs, store, executor, display).run()
    return [found[job.key] for job in jobs if job.key in found]


def call_off(results: Path) -> list[SubmittedRun]:
    """Cancel every task: those that run are asked to checkpoint, those that wait are struck out. Returns them."""
    runs = [run for run in status(results) if run.state in ("waiting", "running")]
    cancel([run.task for run in runs if run.state == "waiting"])
    cancel([run.task for run in runs if run.state == "running"], "--batch", "--signal=TERM")
    return runs


def _required(results: Path) -> list[Submission]:
    found = submissions(results)
    if not found:
        raise ConfigError(
            f"Nothing was left to Slurm from the results folder {results}."
            " Give --results DIR, or start with: bench run --executor slurm --detach …"
        )
    return found


def counts(runs: Sequence[SubmittedRun]) -> Counter[str]:
    """How many runs are in each state."""
    return Counter(run.state for run in runs)
