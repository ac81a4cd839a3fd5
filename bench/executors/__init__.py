"""Where the processes of runs are started. An executor is one file in this folder and one line below.

An executor is handed jobs and reports nothing but that their processes ended: what came of a run stands in the store,
and is read there by whoever wants to know, so that it is found after a crash and from another machine alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo

from bench.durations import seconds
from bench.errors import ConfigError, unknown_name
from bench.jobs.job import Job
from bench.progress import Reporter
from bench.stopping import StopRequest

EXECUTORS = {
    "local": "bench.executors.local:LocalExecutor",
    "ray": "bench.executors.ray:RayExecutor",
    "serial": "bench.executors.serial:SerialExecutor",
    "slurm": "bench.executors.slurm:SlurmExecutor",
}


@dataclass(frozen=True)
class Ended:
    """A job's process is over."""

    job: Job
    exit_status: int | None
    """0: it wrote a record. ``bench.jobs.job.BUSY``: it left the run to another process. ``None``: not known."""
    reason: str = ""
    """Why it wrote none, as far as is known: ``killed by SIGKILL``."""
    timed_out: bool = False
    interrupted: bool = False
    """Whether it was stopped from outside, so that it is no fault of the run."""
    claim: str | None = None
    """Token of the claim that its process took itself, if it did: it holds no more, wherever that process was."""


@dataclass(frozen=True)
class Left:
    """Runs that go on without the process that handed them over."""

    to: str
    """Who has them, by the name under which it knows them: ``Slurm as job 12``."""
    runs: int


def _in_seconds(value: object, field: ValidationInfo) -> float:
    return seconds(str(value), str(field.field_name))


Duration = Annotated[float, BeforeValidator(_in_seconds)]
"""An option that is a span of time: ``2h`` or ``90s``, in seconds once read."""


class Options(BaseModel):
    """What a user may choose of an executor: ``--workers 2``, or ``executor: {workers: 2}`` in a study's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def brings_gpu(self) -> bool:
        """Whether runs get a GPU that this machine need not have."""
        return False


class Executor(ABC):
    """Starts a process for each job it is handed, ends those that must end, and says when one is over."""

    options_type: ClassVar[type[Options]]
    starts_at_once: ClassVar[bool] = True
    """Whether a job's process begins when it is handed over, so that the run is claimed for it before. Where it may
    stand in a queue for hours, it takes the claim itself when it begins."""
    can_be_left: ClassVar[bool] = False
    """Whether jobs go on without this process, so that it may ``leave`` and ``bench grid`` looks after them."""
    works_here: ClassVar[bool] = True
    """Whether every run is done on this machine, with its cache folder."""
    shows_progress: ClassVar[bool] = False
    """Whether its runs show their progress themselves, being in this process."""

    def __init__(self) -> None:
        self.stopping = StopRequest()
        """Set by Ctrl-C; the loop that hands out jobs looks at it."""

    @classmethod
    @abstractmethod
    def create(cls, device: str, options: Options, reporter: Reporter) -> Self:
        """An executor for ``--device``; raises ``ConfigError`` where it cannot work here."""

    @property
    @abstractmethod
    def room(self) -> int:
        """Jobs it would take now."""

    @property
    def queued(self) -> frozenset[str]:
        """Keys of jobs that it took and whose processes are not there yet."""
        return frozenset()

    @abstractmethod
    def start(self, jobs: Sequence[Job]) -> None:
        """Take at most ``room`` jobs. Returns soon, except where the runs are done in this very process."""

    def leave(self, jobs: Sequence[Job]) -> list[Left]:
        """Hand over jobs, however many, and watch none. Only where ``can_be_left``."""
        raise NotImplementedError

    @abstractmethod
    def ended(self) -> list[Ended]:
        """Jobs whose processes ended since the last call, each once; waits a moment for the first."""

    @abstractmethod
    def stop(self) -> list[Ended]:
        """Ask every process to checkpoint and end, kill what has not after the grace period; all are over on return."""

    @abstractmethod
    def kill(self) -> None:
        """End every process at once."""


def executor_type(name: str) -> type[Executor]:
    """The executor of that name, imported only now; raises ``ConfigError`` for an unknown one."""
    if name not in EXECUTORS:
        raise unknown_name("executor", name, EXECUTORS, "")
    module, _, attribute = EXECUTORS[name].partition(":")
    found: type[Executor] = getattr(import_module(module), attribute)
    return found


def require_leavable(name: str) -> None:
    """Raise ``ConfigError`` for an executor whose runs end with the process that handed them over."""
    if not executor_type(name).can_be_left:
        able = [f"--executor {other}" for other in EXECUTORS if executor_type(other).can_be_left]
        raise ConfigError(
            f"--detach leaves runs to a cluster; those of --executor {name} end with the command that started them."
            f" Give {' or '.join(able)} with it, or leave it out and keep the command running."
        )


def make_options(name: str, values: Mapping[str, Any]) -> Options:
    """Options of the executor of that name; raises ``ConfigError`` for one it does not know or cannot use."""
    wanted = executor_type(name).options_type
    for key in values:
        if key not in wanted.model_fields:
            raise unknown_name(f"option of the executor '{name}'", key, wanted.model_fields, "")
    try:
        return wanted.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"Executor '{name}': {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def make_executor(name: str, values: Mapping[str, Any], device: str, runs: int, reporter: Reporter) -> Executor:
    """The executor for so many runs to do. One run without a time limit needs no process of its own."""
    options = make_options(name, values)
    if name == "local" and runs <= 1 and not options.model_fields_set & {"timeout"}:
        name, options = "serial", make_options("serial", {})
    return executor_type(name).create(device, options, reporter)
