"""Grids of cheap runs in real processes; every executor goes through the same suite."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.records.record import Record
from bench.records.store import RecordStore

PLUGINS = Path(__file__).parents[1] / "plugins"
EXECUTORS = ["local", "slurm", "ray"]
OPTIONS = {
    "local": ("--workers", "2", "--grace", "2s"),
    "slurm": ("--max-parallel", "2", "--grace", "2s"),
    "ray": ("--max-parallel", "2", "--grace", "2s"),
}
ONE_AT_A_TIME = {"local": ("--workers", "1"), "slurm": ("--max-parallel", "1"), "ray": ("--max-parallel", "1")}
BEGUN = {"local": "started  ", "slurm": "queued   ", "ray": "queued   "}
"""How a line begins that tells of a run handed over."""


def pipes():
    """Of a process that computes with one thread and has the test's own cache."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}


@dataclass
class Grid:
    """``bench run`` on the toy data set, as a user calls it."""

    executor: str
    results: Path
    diary: Path
    """Gets a line each time a run of ``crash`` begins to train: process id and the run's ``other``."""

    def command(self, *more, method="crash"):
        return [
            sys.executable, "-m", "bench", "run", "--method", method, "--dataset", "toy", "--preset", "quick",
            "--device", "cpu", "--plugins", str(PLUGINS), "--results", str(self.results),
            "--executor", self.executor, *OPTIONS[self.executor], *self.settings(more), *more,
        ]  # fmt: skip

    def settings(self, more):
        return [] if "--config" in more else ["--set", "images=8", "--set", "tested=8", *self._diary(more)]

    def _diary(self, more):
        return [] if "--no-diary" in more else ["--set", f"crash.diary={self.diary}"]

    def run(self, *more, **choice):
        return subprocess.run(self.command(*more, **choice), timeout=300, **pipes())

    def begin(self, *more, **choice):
        return subprocess.Popen(self.command(*more, **choice), **pipes())

    def records(self) -> list[Record]:
        return RecordStore(self.results).records()

    def statuses(self) -> Counter[str]:
        return Counter(record.status for record in self.records())

    def starts(self) -> list[str]:
        return [line.split()[0] for line in self.diary.read_text().splitlines()] if self.diary.exists() else []

    def scores(self):
        """Scores of each run by what it was asked."""
        return {r.spec.seed: pd.read_parquet(r.folder / "scores.parquet").score.tolist() for r in self.records()}
