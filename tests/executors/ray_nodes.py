"""A real Ray cluster on this machine: a head and one more node, small, each with one core."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIZE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80_000_000}


@dataclass
class Nodes:
    """The cluster, whose second node may be lost and replaced."""

    cluster: Any
    second: Any

    @property
    def address(self) -> str:
        return self.cluster.address

    def lose_second(self) -> None:
        """SIGKILL for all that was ever started on it, as when a machine goes down; until the head knows of it."""
        raylet = self.second.all_processes["raylet"][0].process.pid
        for pid in [raylet, *descendants(raylet)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.cluster.remove_node(self.second, allow_graceful=False)
        self.cluster.wait_for_nodes(timeout=60)

    def replace_second(self, **resources: Any) -> None:
        self.second = self.cluster.add_node(**SIZE | resources)


def descendants(pid: int) -> list[int]:
    """All processes below that one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for above in found:
        found += [child for child, parent in parents.items() if parent == above]
    return found[1:]


@contextmanager
def running():
    """Started for the block; ``RAY_ADDRESS`` names it."""
    from ray.cluster_utils import Cluster

    before = {name: os.environ.get(name) for name in ("RAY_ADDRESS", "RAY_TMPDIR", "RAY_USAGE_STATS_ENABLED")}
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: the paths of sockets may not be long
    os.environ["RAY_TMPDIR"] = folder  # it notes the head's address there, in a folder that it expects to find
    (Path(folder) / "ray").mkdir()
    cluster = Cluster(True, head_node_args={**SIZE, "include_dashboard": False, "temp_dir": folder})
    try:
        os.environ["RAY_ADDRESS"] = cluster.address
        yield Nodes(cluster, cluster.add_node(**SIZE))
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
