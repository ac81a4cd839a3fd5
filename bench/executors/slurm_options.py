"""What a run asks Slurm for, as ``bench run`` and a study's file name it, and as ``sbatch`` does."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator, Field

from bench.durations import seconds
from bench.executors import Options

Duration = Annotated[float, BeforeValidator(lambda value: seconds(str(value), "time, timeout or grace"))]
Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class SlurmOptions(Options):
    """Resources of each run, how many at once, and what happens when its time is over."""

    gpus: Text | None = Field(None, pattern=r"^(\w+:)?\d+$", description="GPUs of a run: 1, or a100:1; default: none")
    cpus: int = Field(1, ge=1, description="cores of a run, which computes with as many threads")
    memory: Text | None = Field(None, pattern=r"^\d+[KMGT]?$", description="memory of a run: 32G; default: Slurm's")
    time: Duration | None = Field(None, description="time of a run, such as 4h; default: the partition's")
    timeout: Duration | None = Field(None, description="the same, ended by the run's own script, to the second")
    grace: Duration = Field(60.0, le=3600, description="time to write a checkpoint before a run is killed")
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    max_parallel: int | None = Field(None, ge=1, description="runs at once; default: as many as Slurm lets")
    requeue: bool = Field(True, description="whether a preempted run, or one whose node failed, is queued again")
    sbatch: list[str] = Field([], description="further arguments of sbatch, such as --constraint=v100")

    @property
    def brings_gpu(self) -> bool:
        return self.gpus is not None and int(self.gpus.rpartition(":")[2]) > 0

    def arguments(self) -> list[str]:
        """Resources as arguments of ``sbatch``. The user's own come last, so that they win."""
        wanted = {
            "--gres": f"gpu:{self.gpus}" if self.brings_gpu else None,
            "--mem": self.memory,
            "--time": math.ceil(self.time / 60) if self.time else None,  # minutes
            "--partition": self.partition,
            "--account": self.account,
            "--qos": self.qos,
        }
        named = [f"{name}={value}" for name, value in wanted.items() if value is not None]
        warning = f"--signal=B:TERM@{math.ceil(self.grace)}"  # to the script, which is the run by then
        again = "--requeue" if self.requeue else "--no-requeue"
        return ["--ntasks=1", f"--cpus-per-task={self.cpus}", *named, warning, again, *self.sbatch]
