"""What is left of a plan, done by an executor and collected from the store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.grid.planning import PlannedRun, plan_lines
from bench.records.record import Record
from bench.records.store import RecordStore

if TYPE_CHECKING:
    from bench.executors import Executor
    from bench.jobs.job import Job
    from bench.progress import Reporter


def execute(
    runs: Sequence[PlannedRun], store: RecordStore, executor: Executor, reporter: Reporter, study: str | None = None
) -> list[Record]:
    """Do what is to be done and return every run's record, as far as there is one.

    Raises ``StoreError`` where the results folder cannot be written. ``study`` is the digest of a ``--config`` file.
    """
    from bench.grid.campaign import Campaign
    from bench.grid.display import display_for

    for line in plan_lines(runs):
        reporter.say(line)
    store.require_writable()
    make_way(runs, store, reporter)
    jobs = [make_job(run, store, study) for run in runs if run.is_to_do]
    with executor.stopping.listening(), display_for(executor, reporter, len(jobs)) as display:
        performed = Campaign(jobs, store, executor, display).run()
    return [performed.get(record.key, record) for record in collect(runs, store)]


def make_way(runs: Sequence[PlannedRun], store: RecordStore, reporter: Reporter) -> None:
    """Set damaged records aside, and remove what killed processes left of runs that are done.

    Raises ``StoreError`` where the results folder cannot be written.
    """
    from bench.records.leftovers import tidy

    with store.writing():
        tidy([run.record for run in runs if run.state == "done" and run.record], store)
        for run in runs:
            if run.state == "damaged" and run.spec and (kept := store.set_aside(run.spec)):
                reporter.say(f"  {kept.name}: the damaged record is kept as {kept}")


def make_job(run: PlannedRun, store: RecordStore, study: str | None = None) -> Job:
    """A planned run as it is handed to an executor."""
    import bench.plugins
    from bench.jobs.failures import known_before
    from bench.jobs.job import Job

    assert run.spec and run.data
    job = Job(
        key=run.spec.key,
        spec=run.spec,
        results=store.root.absolute(),
        data_root=run.data.root.absolute() if run.data.root else None,
        plugins=tuple(bench.plugins.added_folders()),
        force=run.state == "forced",
        seen=run.record.mark if run.record else None,
        study=study,
        command=tuple(sys.argv),
        known=known_before(run.data),
        note=run.note,
    )
    return job.with_data(run.data)


def collect(runs: Sequence[PlannedRun], store: RecordStore) -> list[Record]:
    """Records of the planned runs, as far as they exist."""
    found = (store.find_intact(run.spec) for run in runs if run.spec)
    return [record for record in found if record]
