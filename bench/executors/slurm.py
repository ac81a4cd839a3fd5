"""Runs as tasks of Slurm: one array for the jobs handed over at once, watched with ``scontrol``.

Slurm's own commands are called, and no library that wraps them: the one in wide use hands functions over by pickle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from bench.errors import ConfigError
from bench.executors import Ended, Executor, Left, Options
from bench.executors.slurm_endings import how_a_task_ended
from bench.executors.slurm_options import SlurmOptions
from bench.executors.slurm_queue import Task, UnreachableError, cancel, largest_array, require_slurm
from bench.executors.slurm_submission import Submission, one_at_a_time, submissions, submit
from bench.jobs.job import BUSY, Job
from bench.progress import Reporter
from bench.records.store import RecordStore

T = TypeVar("T")
_PATIENCE = 0.2  # seconds that a call waits
_POLL, _POLL_SLOWEST, _SLOWER = 2.0, 15.0, 1.2  # seconds between two looks at the queue
_ATTEMPTS = 10  # to submit to a controller that does not answer, so many polls apart
_AT_LAST = 120.0  # seconds after the grace period until a task that will not end is left to Slurm


@dataclass(frozen=True)
class Watched:
    """A job and its task."""

    job: Job
    submission: Submission
    index: int

    @property
    def id(self) -> str:
        return self.submission.task_id(self.index)

    @property
    def token(self) -> str:
        return self.submission.token(self.index)


class SlurmExecutor(Executor):
    """Submits jobs that no task is there for, and watches the tasks of all of them.

    With ``submits=False`` it only watches, and leaves tasks alone when it is stopped (``bench grid wait``).
    """

    options_type = SlurmOptions
    starts_at_once = False
    can_be_left = True
    works_here = False

    def __init__(self, options: SlurmOptions, reporter: Reporter, device: str = "auto", submits: bool = True) -> None:
        super().__init__()
        require_slurm()
        self._options, self._reporter, self._device, self._submits = options, reporter, device, submits
        self._watched: dict[str, Watched] = {}
        self._tasks: dict[str, Task] = {}
        self._over: list[Ended] = []
        self._largest: int | None = None
        self._next_poll, self._pause, self._unreachable = 0.0, _POLL, False

    @classmethod
    def create(cls, device: str, options: Options, reporter: Reporter) -> Self:
        assert isinstance(options, SlurmOptions)
        options.require_gpu_for(device)
        return cls(options, reporter, device)

    @property
    def room(self) -> int:
        """As many as an array may have; with ``--max-parallel`` no array beside another."""
        if not self._submits:
            return 1_000_000
        if self._options.max_parallel and self._watched:
            return 0
        if self._largest is None:
            self._largest = self._patiently(largest_array)
        return self._largest

    @property
    def queued(self) -> frozenset[str]:
        return frozenset(
            key for key, w in self._watched.items() if (t := self._tasks.get(w.id)) is None or t.is_waiting
        )

    def start(self, jobs: Sequence[Job]) -> None:
        with one_at_a_time(jobs[0].results):
            left = self._watch_tasks_of(jobs)
            if self._submits:
                self._submit([job for job in left if self._is_free(job)])
        self._next_poll, self._pause = 0.0, _POLL

    def leave(self, jobs: Sequence[Job]) -> list[Left]:
        """One for each array; jobs with a task already count to that."""
        size = self.room
        for first in range(0, len(jobs), size):
            self.start([job.updated(waits=True) for job in jobs[first : first + size]])
        arrays = dict.fromkeys(watched.submission for watched in self._watched.values())
        return [Left(f"Slurm as job {each.array}", len(each.keys)) for each in arrays]

    def _watch_tasks_of(self, jobs: Sequence[Job]) -> list[Job]:
        """Look for tasks that are there, of this command or another; returns jobs without."""
        wanted = {job.key: job for job in jobs}
        for submission in submissions(jobs[0].results):
            if not wanted:
                break
            of_interest = [(i, key) for i, key in enumerate(submission.keys) if key in wanted]
            if not of_interest:
                continue
            active = self._patiently(submission.active) if self._submits else None
            for index, key in of_interest:
                if active is None or index in active:
                    self._watched[key] = Watched(wanted.pop(key), submission, index)
        return list(wanted.values())

    def _is_free(self, job: Job) -> bool:
        """Whether it is still to do, and no other process is at it."""
        store = RecordStore(job.results)
        if store.answered_since(job.spec, job.seen):
            self._over.append(Ended(job, 0))
            return False
        if not store.claims.is_free(store.claim_of(job.spec)):
            self._over.append(Ended(job, BUSY))
            return False
        return True

    def _submit(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        told = [job.updated(device=self._device, grace=self._options.grace) for job in jobs]
        submission = self._patiently(lambda: submit(told, self._options))
        self._reporter.say(f"{len(jobs)} task{'s' * (len(jobs) > 1)} handed to Slurm as job {submission.array}")
        for index, job in enumerate(told):
            self._watched[job.key] = Watched(job, submission, index)

    def ended(self) -> list[Ended]:
        if not self._over and time.monotonic() >= self._next_poll:
            self._poll()
        if not self._over:
            time.sleep(_PATIENCE)
        over, self._over = self._over, []
        return over

    def _poll(self) -> None:
        before = dict(self._tasks)
        with self._reaching():
            for submission in dict.fromkeys(watched.submission for watched in self._watched.values()):
                tasks = submission.tasks()
                for watched in [w for w in self._watched.values() if w.submission == submission]:
                    self._look_at(watched, tasks.get(watched.index))
        changed = {id: t.state for id, t in before.items()} != {id: t.state for id, t in self._tasks.items()}
        self._pause = _POLL if changed else min(self._pause * _SLOWER, _POLL_SLOWEST)
        self._next_poll = time.monotonic() + self._pause

    def _look_at(self, watched: Watched, task: Task | None) -> None:
        if task is not None:
            self._tasks[watched.id] = task
        if task is None or task.is_over:
            del self._watched[watched.job.key]
            self._over.append(
                how_a_task_ended(watched.job, watched.token, task, watched.submission.timeout, self._submits)
            )

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """A controller that does not answer is told of once; tasks run on without it."""
        try:
            yield
        except UnreachableError as error:
            if not self._unreachable:
                self._reporter.say(f"Slurm does not answer ({error}); runs go on, and it is asked again.")
            self._unreachable = True
        else:
            if self._unreachable:
                self._reporter.say("Slurm answers again.")
            self._unreachable = False

    def _patiently(self, question: Callable[[], T]) -> T:
        """The answer of a controller that may be out of reach for a while; raises ``ConfigError`` if for long."""
        for attempt in range(_ATTEMPTS):
            try:
                return question()
            except UnreachableError as error:
                last = error
                if attempt == 0:
                    self._reporter.say(f"Slurm does not answer ({error}); trying again.")
                if self.stopping.requested:
                    break
                time.sleep(_POLL * (attempt + 1))
        raise ConfigError(f"Slurm does not answer: {last} Look at it with 'sinfo', then give the same command again.")

    def stop(self) -> list[Ended]:
        if not self._submits:
            return self._over
        never_began = self.queued
        self._cancel(w.id for key, w in self._watched.items() if key in never_began)
        self._cancel((w.id for key, w in self._watched.items() if key not in never_began), "--batch", "--signal=TERM")
        over = self._until_over(self._options.grace)
        if self._watched:
            self._cancel(self._ids())
            over += self._until_over(_AT_LAST)
        over += [Ended(w.job, None, f"left to Slurm as task {w.id}", claim=w.token) for w in self._watched.values()]
        return [each for each in over if each.job.key not in never_began]

    def kill(self) -> None:
        if self._submits:
            self._cancel(self._ids(), "--batch", "--signal=KILL")
            self._cancel(self._ids())

    def _ids(self) -> list[str]:
        return [watched.id for watched in self._watched.values()]

    def _cancel(self, tasks: Iterable[str], *how: str) -> None:
        with self._reaching():
            cancel(list(tasks), *how)

    def _until_over(self, span: float) -> list[Ended]:
        until, over = time.monotonic() + span, []
        while (self._watched or self._over) and time.monotonic() < until:
            over += self.ended()
            self._pause = _POLL
        return over
