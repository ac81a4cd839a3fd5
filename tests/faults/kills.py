"""Processes that are killed."""

from __future__ import annotations

import os
import signal

from bench.records.claims import holder_of

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
        words = rf"killed by SIGKILL|from process ({owners}) on|{key}: swept up"  # the last: its record was written
        return [self.struck(f"process {pid}, run {key}", words, heard)]


class ParentKilled(Fault):
    """SIGKILL to the command that the user gave, while it has runs under way."""

    name = "a parent killed"

    def strike(self) -> list[Struck]:
        if not self.grid.wait_for_workers():
            return []
        self.wait_a_while()
        alive = [process for process in self.grid.running if process.poll() is None]
        heard = self.grid.heard()
        if not alive or not self.grid.workers():
            return []
        parent = self.rng.choice(alive)
        _kill(parent.pid)
        parent.wait()
        return [self.struck(f"process {parent.pid}", self._words(parent.pid), heard)]

    def _words(self, parent: int) -> str | None:
        """Who takes over names the process that held the claim: the command, or its worker, dead or alive."""
        claims = {file.stem: holder_of(file) for file in self.grid.results.glob("work/*.claim")}
        left = {key: holder for key, holder in claims.items() if holder and parent in (holder.pid, holder.starter_pid)}
        if not left:
            return None  # its last run had just ended: nothing was lost
        owners, keys = "|".join(str(holder.pid) for holder in left.values()), "|".join(left)
        return rf"is gone; stopping|from process ({parent}|{owners}) on|({keys}): swept up"


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
