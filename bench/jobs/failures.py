"""The row of a run whose own process could not write one: it was killed, crashed, or never got so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.data.opening import OpenedDataset
from bench.jobs.job import Job
from bench.provenance import now, provenance
from bench.records import artifacts
from bench.records.record import Counts, Record, Status, facts_of
from bench.records.store import RecordStore


def known_before(data: OpenedDataset) -> dict[str, Any]:
    """Fields of a record that hold before the run: a failure then stands in the tables beside the others."""
    return {
        "protocol_name": data.split.protocol,
        "synthetic": data.dataset.synthetic,
        "facts": facts_of(data.split),
        "counts": Counts.of(data.split).model_dump(),
    }


def record_lost_run(store: RecordStore, job: Job, status: Status, reason: str, log: Sequence[str] = ()) -> Record:
    """Store that the run failed and why, with the last lines of its log; an earlier result is kept and not replaced."""
    record = Record(
        key=job.key, spec=job.spec, status=status, reason=reason, provenance=_origin(job), started=now(),
        finished=now(), **job.known,
    )  # fmt: skip

    def fill(draft: Path) -> None:
        artifacts.write_training(draft, _training_rows(store, job))
        if log:
            (draft / "log.txt").write_text("\n".join([*log, ""]), encoding="utf-8")

    return store.write_failure(record, fill)


def _origin(job: Job) -> dict[str, Any]:
    found = {"data_root": str(job.data_root) if job.data_root else None}
    return provenance(job.device) | found | ({"study": job.study} if job.study else {})


def _training_rows(store: RecordStore, job: Job) -> list[dict[str, Any]]:
    from bench.training.services import read_rows

    return read_rows(store.work_of(job.spec))
