"""A process for each run on this machine: as many at once as there are GPUs, or as ``--workers`` says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from bench.durations import shown
from bench.executors import Duration, Ended, Executor, Options
from bench.executors.processes import RunProcess, environment, how_it_ended
from bench.executors.slots import Slot, slots
from bench.jobs.job import Job
from bench.progress import Reporter

_PATIENCE = 0.2  # seconds that a call waits for the first process to end
_LOOK_EVERY = 0.02


class LocalOptions(Options):
    """How many at once, and how long each may take."""

    workers: int | None = Field(None, ge=1, description="runs at once; default: one for each GPU, or one")
    timeout: Duration | None = Field(None, description="time for each run, such as 2h")
    grace: Duration = Field(30.0, description="time to write a checkpoint before a process is killed")


@dataclass(frozen=True)
class _Running:
    job: Job
    slot: Slot
    process: RunProcess


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
            told = job.updated(device=slot.device, grace=self._options.grace)
            self._running.append(_Running(job, slot, _launch(told, slot, self._options)))

    def ended(self) -> list[Ended]:
        until = time.monotonic() + _PATIENCE
        while True:
            over = self._reap()
            if over or time.monotonic() > until:
                return over
            time.sleep(_LOOK_EVERY)

    def stop(self) -> list[Ended]:
        over: list[Ended] = []
        for running in self._running:
            running.process.ask_to_stop()
        while self._running:
            over += self.ended()
        return over

    def kill(self) -> None:
        for running in self._running:
            running.process.kill()

    def _reap(self) -> list[Ended]:
        over = [running for running in self._running if running.process.is_over()]
        for running in over:
            self._running.remove(running)
            self._free.append(running.slot)
        return [self._how(running) for running in over]

    def _how(self, running: _Running) -> Ended:
        status, timed_out, limit = running.process.exit_status, running.process.timed_out, self._options.timeout
        reason = f"took longer than {shown(limit)} (--timeout)" if timed_out and limit else how_it_ended(status)
        return Ended(running.job, status, reason, timed_out)


def _launch(job: Job, slot: Slot, options: LocalOptions) -> RunProcess:
    claim = ["--claim", job.claim] if job.claim else []
    return RunProcess.start(
        [str(job.write()), *claim], job.log, f"{job.label}, on {slot.name}", environment(slot.environment),
        options.grace, options.timeout,
    )  # fmt: skip
