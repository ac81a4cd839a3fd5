"""What a run asks Ray for, as ``bench run`` and a study's file name it."""

from __future__ import annotations

from pydantic import Field

from bench.executors.cluster_options import ClusterOptions

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class RayOptions(ClusterOptions):
    """The cluster, and what each run gets of it."""

    address: str | None = Field(None, description="HOST:PORT of the head node; default: $RAY_ADDRESS, or auto")

    @property
    def bytes_of_memory(self) -> int | None:
        """A bare number is of megabytes, as Slurm reads it."""
        if self.memory is None:
            return None
        number, unit = (self.memory[:-1], self.memory[-1]) if self.memory[-1] in _UNITS else (self.memory, "M")
        return int(number) * _UNITS[unit]
