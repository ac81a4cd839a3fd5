"""A process for each run on this machine: as many at once as there are GPUs, or as ``--workers`` says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import BeforeValidator, Field

from bench.durations import seconds, shown
from bench.executors import Ended, Executor, Options
from bench.executors.processes import environment, how_it_ended
from bench.executors.slots import Slot, slots
from bench.jobs import Job
from bench.logs import HEADLINE
from bench.progress import Reporter
from bench.provenance import now

_PATIENCE = 0.2  # seconds that a call waits for the first process to end
_LOOK_EVERY = 0.02

Duration = Annotated[float, BeforeValidator(lambda value: seconds(str(value), "timeout or grace"))]


class LocalOptions(Options):
    """How many at once, and how long each may take."""

    workers: int | None = Field(None, ge=1, description="runs at once; default: one for each GPU, or one")
    timeout: Duration | None = Field(None, description="time for each run, such as 2h")
    grace: Duration = Field(30.0, description="time to write a checkpoint before a process is killed")


@dataclass
class _Running:
    job: Job
    slot: Slot
    process: subprocess.Popen[bytes]
    ends_by: float
    """When its time is over, on the steady clock."""
    killed_by: float | None = None
    """When it is killed, once it was asked to stop."""
    timed_out: bool = field(default=False)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class LocalExecutor(Executor):
    """Processes of this machine, each in a group of its own, so that what a run started ends with it."""

    options_type = LocalOptions

    def __init__(self, places: Sequence[Slot], options: LocalOptions) -> None:
        super().__init__()
        self._free, self._options = list(places), options
        self._running: list[_Running] = []

    @classmethod
    def create(cls, device: str, options: Options, reporter: Reporter) -> Self:
        assert isinstance(options, LocalOptions)
        return cls(slots(device, options.workers), options)

    @property
    def room(self) -> int:
        return len(self._free)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            slot = self._free.pop(0)
            process = _launch(job.updated(device=slot.device, grace=self._options.grace), slot)
            limit = self._options.timeout or float("inf")
            self._running.append(_Running(job, slot, process, time.monotonic() + limit))

    def ended(self) -> list[Ended]:
        until = time.monotonic() + _PATIENCE
        while True:
            self._end_what_takes_too_long()
            over = self._reap()
            if over or time.monotonic() > until:
                return over
            time.sleep(_LOOK_EVERY)

    def stop(self) -> list[Ended]:
        over: list[Ended] = []
        for running in self._running:
            self._ask_to_stop(running)
        while self._running:
            over += self.ended()
        return over

    def kill(self) -> None:
        for running in self._running:
            running.signal(signal.SIGKILL)
        for running in self._running:
            running.process.wait()

    def _end_what_takes_too_long(self) -> None:
        moment = time.monotonic()
        for running in self._running:
            if running.killed_by is None and moment > running.ends_by:
                running.timed_out = True
                self._ask_to_stop(running)
            elif running.killed_by is not None and moment > running.killed_by:
                running.signal(signal.SIGKILL)

    def _ask_to_stop(self, running: _Running) -> None:
        if running.killed_by is None:
            running.killed_by = time.monotonic() + self._options.grace
            running.signal(signal.SIGTERM)

    def _reap(self) -> list[Ended]:
        over = [running for running in self._running if running.process.poll() is not None]
        for running in over:
            running.signal(signal.SIGKILL)  # whatever it started and left behind
            self._running.remove(running)
            self._free.append(running.slot)
        return [self._how(running) for running in over]

    def _how(self, running: _Running) -> Ended:
        status = running.process.returncode
        reason = how_it_ended(status)
        if running.timed_out and self._options.timeout:
            reason = f"took longer than {shown(self._options.timeout)} (--timeout)"
        return Ended(running.job, status, reason, running.timed_out)


def _launch(job: Job, slot: Slot) -> subprocess.Popen[bytes]:
    arguments = ["-m", "bench.worker", str(job.write()), "--parent", str(os.getpid())]
    claim = ["--claim", job.claim] if job.claim else []
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        log.write(f"{HEADLINE}{now()} {job.label}, on {slot.name}\n".encode())
        log.flush()
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *arguments, *claim],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(slot.environment),
            start_new_session=True,
        )
