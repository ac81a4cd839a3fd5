"""Runs as tasks of Ray Core: each starts an ordinary process on the node that has room for it.

Ray's own repetition of a task is not used: it begins at once, while the lost attempt may still be writing. A run whose
node was lost goes back to the campaign, which hands it out again as soon as its claim has fallen.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from bench.durations import shown
from bench.executors import Ended, Executor, Options
from bench.executors.processes import environment, how_it_ended
from bench.executors.ray_cluster import connect, needed, nodes, remote, require_room, task_options
from bench.executors.ray_options import RayOptions
from bench.executors.ray_task import attend
from bench.executors.slots import threads
from bench.jobs.job import BUSY, Job
from bench.progress import Reporter
from bench.records.claims import holder_of
from bench.records.store import RecordStore

_PATIENCE = 0.2  # seconds that a call waits
_LOOK_EVERY = 2.0  # seconds between two looks at nodes and claims
_AT_LAST = 15.0  # seconds after the grace period until a task that will not end is killed by Ray
_LOSSES = 3  # times that a run may lose its node until it is given up


@dataclass
class Watched:
    """A job and its task."""

    job: Job
    token: str
    """Of the claim that its process takes; another for each attempt."""
    task: Any
    """Ray's reference to the answer of ``attend``."""
    begun: bool = False

    def look(self) -> None:
        if not self.begun:
            holder = holder_of(RecordStore(self.job.results).claim_of(self.job.spec))
            self.begun = holder is not None and holder.token == self.token


class RayExecutor(Executor):
    """Hands over as many jobs as the nodes that are there could take."""

    options_type = RayOptions
    works_here = False
    starts_at_once = False

    def __init__(self, options: RayOptions, reporter: Reporter, device: str) -> None:
        super().__init__()
        connect(options.address)
        require_room(options)
        self._options, self._reporter, self._device = options, reporter, device
        self._watched: dict[str, Watched] = {}
        self._over: list[Ended] = []
        self._losses: defaultdict[str, list[str]] = defaultdict(list)
        self._attend, self._wanted = remote(attend), task_options(options)
        self._capacity, self._next_look = 0, 0.0
        self._said, self._cancelled = False, False

    @classmethod
    def create(cls, device: str, options: Options, reporter: Reporter) -> Self:
        assert isinstance(options, RayOptions)
        options.require_gpu_for(device)
        return cls(options, reporter, device)

    @property
    def room(self) -> int:
        self._look()
        return max(0, min(self._capacity, self._options.max_parallel or self._capacity) - len(self._watched))

    @property
    def queued(self) -> frozenset[str]:
        return frozenset(key for key, watched in self._watched.items() if not watched.begun)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            token = uuid4().hex
            if len(self._losses[job.key]) < _LOSSES:
                self._watched[job.key] = Watched(job, token, self._hand_over(job, token))
            else:
                reason = f"lost {_LOSSES} times, at last: {self._losses[job.key][-1]}; the same command resumes it"
                self._over.append(Ended(job, None, reason, interrupted=True, claim=token))

    def _hand_over(self, job: Job, token: str) -> Any:  # noqa: ANN401 - Ray's reference
        told = job.updated(device=self._device, grace=self._options.grace)
        return self._attend.options(name=f"bench {job.label}", **self._wanted).remote(
            sys.executable, str(told.write()), token, str(job.log), job.label, self._environment(),
            self._options.grace, self._options.timeout,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        """Of the user's, what decides what a run does; the rest is the node's. Without ``--gpus`` it sees no GPU."""
        ours = {name: value for name, value in os.environ.items() if name.startswith("BENCH_")}
        ours |= {name: value for name, value in environment({}).items() if name == "PYTHONPATH"}
        return ours | threads(self._options.cpus) | ({} if self._options.brings_gpu else {"CUDA_VISIBLE_DEVICES": ""})

    def ended(self) -> list[Ended]:
        self._look()
        self._collect()
        over, self._over = self._over, []
        return over

    def _look(self) -> None:
        """At the claims of runs, and at nodes that came or went."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_EVERY
        for watched in self._watched.values():
            watched.look()
        wanted = needed(self._options)
        self._capacity = sum(node.room_for(wanted) for node in nodes())
        if not self._capacity and not self._said:
            self._reporter.say("No node of the Ray cluster has room for a run any more; waiting for one to come back.")
        self._said = not self._capacity

    def _collect(self) -> None:
        """What is over, waiting a moment for the first."""
        import ray

        tasks = {watched.task: watched for watched in self._watched.values()}
        if not tasks or self._over:
            time.sleep(_PATIENCE * (not self._over))
            return
        ray.wait(list(tasks), num_returns=1, timeout=_PATIENCE)
        ready, _ = ray.wait(list(tasks), num_returns=len(tasks), timeout=0)
        for task in ready:
            watched = tasks[task]
            del self._watched[watched.job.key]
            self._over += self._how(watched)

    def _how(self, watched: Watched) -> list[Ended]:
        """Nothing of a run that was struck out before it began."""
        from ray import exceptions

        job, token = watched.job, watched.token
        try:
            return [self._answered(watched)]
        except exceptions.TaskCancelledError:
            reason = "cancelled in Ray; the same command does it"
            return [] if self._cancelled else [Ended(job, None, reason, interrupted=True, claim=token)]
        except exceptions.RayTaskError as error:  # raised by ``attend``: there was no process
            return [Ended(job, None, f"Ray could not start it: {error.cause!r}", claim=token)]
        except exceptions.RayError as error:
            first_line, _, _ = str(error).partition("\n")
            return [self._lost(watched, f"{type(error).__name__}: {first_line}")]

    def _answered(self, watched: Watched) -> Ended:
        import ray

        status, timed_out, was_stopped = ray.get(watched.task)
        if was_stopped and not (self._cancelled or timed_out):
            return self._lost(watched, "its node is going down")
        limit = self._options.timeout
        reason = f"took longer than {shown(limit)} (--timeout)" if timed_out and limit else how_it_ended(status)
        return Ended(watched.job, status, reason, timed_out, claim=watched.token)

    def _lost(self, watched: Watched, why: str) -> Ended:
        """It goes on elsewhere, as if another process had had it till then."""
        job = watched.job
        if self._cancelled:
            return Ended(job, None, why, interrupted=True, claim=watched.token)
        self._losses[job.key].append(why)
        self._reporter.say(f"lost     {job.label}: {why}; it is handed over again")
        return Ended(job, BUSY)

    def stop(self) -> list[Ended]:
        self._cancel()
        over = self._until_over(self._options.grace + _AT_LAST)
        self._cancel(force=True)
        return over + [
            Ended(each.job, None, "did not end in time and was left to Ray", claim=each.token)
            for each in self._watched.values()
        ]

    def kill(self) -> None:
        for _ in range(1 if self._cancelled else 2):  # the second time is heeded at once
            self._cancel()
            time.sleep(_PATIENCE)
        self._until_over(_AT_LAST)
        self._cancel(force=True)

    def _cancel(self, force: bool = False) -> None:
        import ray

        self._cancelled = True
        for watched in self._watched.values():
            ray.cancel(watched.task, force=force)

    def _until_over(self, span: float) -> list[Ended]:
        until, over = time.monotonic() + span, []
        while (self._watched or self._over) and time.monotonic() < until:
            over += self.ended()
        return over
