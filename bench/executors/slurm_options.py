"""What a run asks Slurm for, as ``bench run`` and a study's file name it, and as ``sbatch`` does."""

from __future__ import annotations

import math

from pydantic import Field

from bench.executors import Duration
from bench.executors.cluster_options import ClusterOptions


class SlurmOptions(ClusterOptions):
    """Resources of each run, how many at once, and what happens when its time is over."""

    time: Duration | None = Field(None, description="time of a run, such as 4h; default: the partition's")
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    requeue: bool = Field(True, description="whether a preempted run, or one whose node failed, is queued again")
    sbatch: list[str] = Field([], description="further arguments of sbatch, such as --constraint=v100")

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
