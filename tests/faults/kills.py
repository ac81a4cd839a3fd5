"""Processes that are killed."""

from __future__ import annotations

import os
import signal

from .fault import Fault, Struck


class WorkerKilled(Fault):
    """SIGKILL to a run's process."""

    name = "a worker killed"

    def strike(self) -> list[Struck]:
        if not self.grid.wait_for_workers():
            return []
        self.wait_a_while()
        workers, heard = self.grid.workers(), self.grid.heard()
        if not workers:
            return []
        pid, key = self.rng.choice(sorted(workers.items()))
        if not _kill(pid):
            return []
        parents = [process.pid for process in self.grid.running]
        owners = "|".join(map(str, [pid, *parents]))
        return [self.struck(f"process {pid}, run {key}", rf"killed by SIGKILL|from process ({owners}) on", heard)]


class ParentKilled(Fault):
    """SIGKILL to the command that the user gave, while it has runs under way."""

    name = "a parent killed"

    def strike(self) -> list[Struck]:
        if not self.grid.wait_for_workers():
            return []
        self.wait_a_while()
        alive = [process for process in self.grid.running if process.poll() is None]
        workers, heard = self.grid.workers(), self.grid.heard()
        if not alive or not workers:
            return []
        parent = self.rng.choice(alive)
        _kill(parent.pid)
        parent.wait()
        keys = "|".join(workers.values())
        words = rf"is gone; stopping|from process {parent.pid} on|({keys}): swept up"
        return [self.struck(f"process {parent.pid}", words, heard)]


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
