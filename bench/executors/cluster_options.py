"""What a run asks of any cluster, under the same names with the same meaning."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from bench.errors import ConfigError
from bench.executors import Duration, Options

Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class ClusterOptions(Options):
    """Resources of each run, how many at once, and how long each may take."""

    gpus: Text | None = Field(None, pattern=r"^(\w+:)?\d+$", description="GPUs of a run: 1, or a100:1; default: none")
    cpus: int = Field(1, ge=1, description="cores of a run, which computes with as many threads")
    memory: Text | None = Field(
        None, pattern=r"^\d+[KMGT]?$", description="memory of a run: 32G; default: the cluster's"
    )
    timeout: Duration | None = Field(None, description="time of a run, to the second; default: no limit of ours")
    grace: Duration = Field(60.0, le=3600, description="time to write a checkpoint before a run is killed")
    max_parallel: int | None = Field(None, ge=1, description="runs at once; default: as many as the cluster lets")

    @property
    def gpu_count(self) -> int:
        return int(self.gpus.rpartition(":")[2]) if self.gpus else 0

    @property
    def gpu_type(self) -> str | None:
        """``a100`` of ``a100:1``."""
        return (self.gpus or "").rpartition(":")[0] or None

    @property
    def brings_gpu(self) -> bool:
        return self.gpu_count > 0

    def require_gpu_for(self, device: str) -> None:
        """Raise ``ConfigError`` where ``--device`` names a GPU and the cluster is asked for none."""
        if device.startswith("cuda") and not self.brings_gpu:
            raise ConfigError(f"--device {device} needs a GPU from the cluster: add --gpus 1.")
