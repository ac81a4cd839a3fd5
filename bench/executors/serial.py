"""One run after the other in this very process: for a single run, a notebook, a debugger."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import Self

from bench.errors import BenchError, ClaimedError
from bench.executors import Ended, Executor, Options
from bench.jobs.job import BUSY, Job
from bench.progress import Reporter

_PATIENCE = 0.2  # seconds


class SerialOptions(Options):
    """None: there is nothing to choose."""


class SerialExecutor(Executor):
    """Performs each job as it is handed over."""

    options_type = SerialOptions
    shows_progress = True

    def __init__(self, device: str, reporter: Reporter) -> None:
        super().__init__()
        self._device, self._reporter = device, reporter
        self._over: list[Ended] = []

    @classmethod
    def create(cls, device: str, options: Options, reporter: Reporter) -> Self:
        return cls(device, reporter)

    @property
    def room(self) -> int:
        return 1

    def start(self, jobs: Sequence[Job]) -> None:
        self._over += [self._perform(job.updated(device=self._device, waits=True).with_data(job.data)) for job in jobs]

    def _perform(self, job: Job) -> Ended:
        from bench.records.claims import Claims
        from bench.records.store import RecordStore
        from bench.worker import perform_job

        store = RecordStore(job.results, Claims(job.claim))
        try:
            perform_job(job, store, self._reporter, self.stopping)
        except ClaimedError:
            return Ended(job, BUSY)
        except BenchError as error:
            return Ended(job, 1, str(error))
        finally:
            gc.collect()  # a network whose parts refer to each other would stay beside that of the next run
        return Ended(job, 0)

    def ended(self) -> list[Ended]:
        if not self._over:
            time.sleep(_PATIENCE)  # every run left is another process's
        over, self._over = self._over, []
        return over

    def stop(self) -> list[Ended]:
        over, self._over = self._over, []
        return over

    def kill(self) -> None:
        pass
