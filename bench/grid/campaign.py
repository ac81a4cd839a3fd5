"""Hands jobs to an executor until every run has its record, shared fairly with others who work on the same folder.

Nothing is believed but the store: an executor says that a process ended, the record says what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.errors import ClaimedError, RunError
from bench.executors import Ended, Executor
from bench.jobs.failures import record_lost_run
from bench.jobs.job import BUSY, Job
from bench.jobs.logs import add_ending, last_attempt, last_words
from bench.jobs.progress import Progress
from bench.records.claims import holder_of
from bench.records.leftovers import sweep
from bench.records.record import Record, Status
from bench.records.store import RecordStore

_LOOK_AGAIN = 2.0  # seconds until runs that others hold are looked at again


@dataclass
class State:
    """Where a campaign stands, for whoever shows it."""

    waiting: list[Job]
    running: dict[str, Job]
    held: set[str]
    """Keys of waiting runs that other processes have."""
    records: dict[str, Record]
    queued: frozenset[str] = frozenset()
    """Keys of running ones whose processes are not there yet: they stand in a cluster's queue."""

    @property
    def total(self) -> int:
        return len(self.waiting) + len(self.running) + len(self.records)


class Display(Protocol):
    """Shows how a campaign goes."""

    def started(self, job: Job, state: State) -> None: ...

    def held(self, job: Job, why: str) -> None: ...

    def finished(self, job: Job, record: Record, state: State) -> None: ...

    def look(self, state: State) -> None: ...


class Campaign:
    """Jobs on their way through an executor."""

    def __init__(self, jobs: Sequence[Job], store: RecordStore, executor: Executor, display: Display) -> None:
        self.state = State(list(jobs), {}, set(), {})
        self._store, self._executor, self._display = store, executor, display
        self._waits_for: dict[str, Path] = {}
        self._claims: dict[str, str] = {}
        self._look_at_held = 0.0

    def run(self) -> dict[str, Record]:
        """Every run's record by key, as far as there is one when all are done or the user stopped it.

        Raises ``StoreError`` when no claim, job or record can be written any more, and ``RunError`` when no process can
        be started or asked after.
        """
        try:
            with self._store.writing():
                return self._run()
        except OSError as error:
            raise RunError(
                f"Runs cannot be started or watched any more ({type(error).__name__}: {error}). What was done is kept;"
                " give the same command again."
            ) from error

    def _run(self) -> dict[str, Record]:
        try:
            while (self.state.waiting or self.state.running) and not self._executor.stopping.requested:
                self._hand_out()
                self._settle(self._executor.ended())
                self.state.queued = self._executor.queued
                self._display.look(self.state)
            self._settle(self._executor.stop())
        except KeyboardInterrupt:  # the second Ctrl-C
            self._executor.kill()
            self._settle([Ended(job, None, "stopped by the user") for job in self.state.running.values()])
        except OSError:  # nothing can be written or started any more: what runs may end well
            self._executor.stop()
            raise
        except BaseException:
            self._executor.kill()
            raise
        return self.state.records

    def _hand_out(self) -> None:
        room = self._executor.room
        if not room:
            return
        look = time.monotonic() >= self._look_at_held
        if look:
            self._look_at_held = time.monotonic() + _LOOK_AGAIN
        chosen: list[Job] = []
        for job in list(self.state.waiting):
            if len(chosen) == room or self._executor.stopping.requested:
                break
            if (look or job.key not in self.state.held) and (ready := self._made_ready(job)):
                chosen.append(ready)
        if chosen:
            self._start(chosen)

    def _start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._display.started(job, self.state)
        self._executor.start(jobs)

    def _made_ready(self, job: Job) -> Job | None:
        """The job with its run claimed, unless it is done already or somebody else is at it."""
        if record := self._ended_elsewhere(job):
            self._finish(job, record)
            return None
        stage = self._waits_for.get(job.key)
        if stage and not self._store.claims.is_free(stage):
            return None
        try:
            token = self._claim(job)
        except ClaimedError as error:
            self._hold(job, error.file, str(error))
            return None
        if record := self._ended_elsewhere(job):  # between the first look and the claim
            self._give_back(job)
            self._finish(job, record)
            return None
        self._waits_for.pop(job.key, None)
        self.state.held.discard(job.key)
        self.state.waiting = [other for other in self.state.waiting if other.key != job.key]
        ready = self.state.running[job.key] = job.updated(claim=token)
        for leftover in (job.progress, job.unstored):
            leftover.unlink(missing_ok=True)
        return ready

    def _claim(self, job: Job) -> str | None:
        if not self._executor.starts_at_once:
            return None
        self._claims[job.key] = self._store.claims.take(self._store.claim_of(job.spec)).token
        return self._claims[job.key]

    def _hold(self, job: Job, claim: Path, why: str) -> None:
        if job.key not in self.state.held:
            self._display.held(job, why)
        self.state.held.add(job.key)
        self._waits_for[job.key] = claim

    def _settle(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            if each.exit_status == BUSY or not self._takes_over(each):
                self._give_back(each.job)
                self._set_aside(each.job)
            else:
                record = self._outcome(each)  # before the claim is gone: others must not begin it meanwhile
                self._sweep(record)
                self._give_back(each.job)
                self._finish(each.job, record)

    def _takes_over(self, ended: Ended) -> bool:
        """Whether this process may write the row of a run that it did not claim before: nobody else is about to."""
        if ended.claim is None:
            return True
        file = self._store.claim_of(ended.job.spec)
        try:
            self._store.claims.give_back(file, ended.claim)
            self._claims[ended.job.key] = self._store.claims.take(file).token
        except ClaimedError:
            return False
        return True

    def _give_back(self, job: Job) -> None:
        token = self._claims.pop(job.key, None)
        if token:
            self._store.claims.give_back(self._store.claim_of(job.spec), token)

    def _sweep(self, record: Record) -> None:
        """Remove what the run's process left half-written, if it died: then the claim is still ours."""
        holder = holder_of(self._store.claim_of(record.spec))
        if holder and holder.token == self._claims.get(record.key):
            sweep(self._store, record.key, is_done=record.status == "done")

    def _set_aside(self, job: Job) -> None:
        """Later again: another process has the run or trains a stage of it."""
        self.state.running.pop(job.key, None)
        self.state.waiting.append(job)
        claim = Path(Progress.read(job.progress).waits_for or self._store.claim_of(job.spec))
        self._hold(job, claim, f"left for later: another process has {claim}")

    def _outcome(self, ended: Ended) -> Record:
        if ended.claim and (record := self._ended_elsewhere(ended.job)):
            return record
        record = self._repeated_in_vain(ended.job) or self._store.find_intact(ended.job.spec)
        finished = record is not None and record.status == "done"
        wrote = ended.exit_status == 0 and record is not None and not ended.timed_out
        if record and wrote:
            return record
        lines = last_attempt(ended.job.log)
        add_ending(ended.job.log, ended.reason)
        return record if record and finished and not ended.job.force else self._record_of_death(ended, lines)

    def _record_of_death(self, ended: Ended, lines: Sequence[str]) -> Record:
        job = ended.job
        status: Status = "timeout" if ended.timed_out else "failed"
        if (self._executor.stopping.requested or ended.interrupted) and not ended.timed_out:
            status = "interrupted"
        reason = "\n".join([ended.reason, f"log: {job.log}", *(f"  {line}" for line in last_words(lines))])
        return record_lost_run(self._store, job, status, reason, lines)

    def _finish(self, job: Job, record: Record) -> None:
        self.state.running.pop(job.key, None)
        self.state.held.discard(job.key)
        self.state.waiting = [other for other in self.state.waiting if other.key != job.key]
        self.state.records[job.key] = record
        job.progress.unlink(missing_ok=True)
        if record.status == "done":
            job.file.unlink(missing_ok=True)
        self._display.finished(job, record, self.state)

    def _repeated_in_vain(self, job: Job) -> Record | None:
        if not job.unstored.is_file():
            return None
        text = job.unstored.read_text(encoding="utf-8")
        job.unstored.unlink()
        try:
            return Record.from_json(text).at(self._store.folder_of(job.spec))
        except ValueError:  # its process was killed while it wrote
            return None

    def _ended_elsewhere(self, job: Job) -> Record | None:
        """The record that another process wrote since the plan was made, unless it was interrupted."""
        return self._store.answered_since(job.spec, job.seen)
