"""One run in a process of its own, ``python -m bench.worker JOB.json``: perform it, write one record, end.

Exit status 0: a record was written, whatever it says. 75: the run was left to another process. Anything else: it died.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import bench.plugins
from bench import registry, spec
from bench.data.opening import OpenedDataset, open_dataset
from bench.errors import BenchError, ClaimedError, ConfigError, DataError
from bench.jobs.failures import record_lost_run
from bench.jobs.job import BUSY, Job, read_job
from bench.jobs.progress import FileReporter, Progress
from bench.progress import Reporter
from bench.records.claims import Claims
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.spec import RunSpec
from bench.stopping import StopRequest

_LOOK_EVERY = 1.0  # seconds, at whether the parent is still there


def main() -> None:
    """What the process does, as its job's file says (``bench.jobs.job``)."""
    parser = ArgumentParser(prog="python -m bench.worker", description="Perform one run, as told by a job's file.")
    parser.add_argument("job", type=Path, help="the file, results/jobs/KEY.json")
    parser.add_argument("--parent", type=int, help="stop when this process, which started the run, is gone")
    parser.add_argument("--claim", help="token of the claim that was taken for this run")
    parser.add_argument("--unless-recorded", action="store_true", help="do nothing if a record came since the plan")
    given = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        job = read_job(given.job)
    except ConfigError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    if given.parent is not None:
        _end_with(given.parent, job.grace)
    job = job.updated(claim=given.claim, unless_recorded=given.unless_recorded)
    if _recorded_meanwhile(job, RecordStore(job.results)):  # before torch is imported for nothing
        sys.exit(0)
    sys.exit(run_alone(job))


def run_alone(job: Job) -> int:
    """Perform the job in this process, which is there for nothing else; returns its exit status."""
    sys.argv = list(job.command) or sys.argv  # records say how to repeat them, which is not by this file
    for folder in job.plugins:
        bench.plugins.add_folder(folder)
    stop, store = StopRequest(), RecordStore(job.results, Claims(job.claim, on_lost=lambda file: os._exit(BUSY)))
    with stop.listening():
        try:
            perform_job(job, store, FileReporter(job.progress), stop)
        except ClaimedError as error:
            print(f"left to others: {error}", file=sys.stderr)
            Progress(waits_for=str(error.file)).write(job.progress)
            return BUSY
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            record_lost_run(store, job, "failed", str(error))
    return 0


def perform_job(job: Job, store: RecordStore, reporter: Reporter, stop: StopRequest) -> Record:
    """Do the job's run; raises ``DataError`` where code or data are not those of the plan, and as ``perform`` does."""
    from bench.devices import resolve_device
    from bench.one_run.perform import perform

    data = job.data or _as_planned(job)
    device = resolve_device(job.device)
    record = perform(
        job.spec, data, store, device, reporter, stop,
        study=job.study, waits=job.waits, answered=lambda: _recorded_meanwhile(job, store),
    )  # fmt: skip
    if record.status != "done" and _is_done(store, job.spec):
        job.unstored.write_text(record.model_dump_json(), encoding="utf-8")
    return record


def _recorded_meanwhile(job: Job, store: RecordStore) -> Record | None:
    record = store.answered_since(job.spec, job.seen) if job.unless_recorded else None
    if record:
        print("recorded by another process since the plan was made")
    return record


def _is_done(store: RecordStore, asked: RunSpec) -> bool:
    stored = store.find_intact(asked)
    return stored is not None and stored.status == "done"


def _as_planned(job: Job) -> OpenedDataset:
    """The data set opened anew; raises ``DataError`` unless this process arrives at the key that was asked for."""
    asked = job.spec
    data = open_dataset(asked.dataset, asked.category, dict(asked.dataset_params), job.data_root)
    found = _with_fingerprints(asked, data)
    if found.key != job.key:
        changes = ", ".join(found.changes_since(asked)) or "the job's file was edited"
        raise DataError(
            f"Expected the run {job.key} as planned, found {found.key}: {changes} between planning and running."
            " Give the same command again; it plans anew."
        )
    return data


def _with_fingerprints(asked: RunSpec, data: OpenedDataset) -> RunSpec:
    """The spec as it would be planned now, by the code and data that this process sees."""
    registry.load_method(asked.method)
    return replace(
        asked,
        data=data.fingerprint,
        method_code=registry.source_digest(registry.find("method", asked.method).file),
        dataset_code=registry.source_digest(registry.find("dataset", asked.dataset).file),
        referee_code=spec.referee_code(),
        protocol=spec.PROTOCOL_VERSION,
    )


def _end_with(parent: int, grace: float) -> None:
    """Stop, with a checkpoint, when the process that started this one is gone: nobody else would end it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY)
        print("The process that started this run is gone; stopping.", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    main()
