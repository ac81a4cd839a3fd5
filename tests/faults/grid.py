"""A grid of four runs in real processes, two of which share a GAN; what it says is kept, to be searched for faults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.records.record import Record
from bench.records.store import RecordStore, read_record

from .sources import VARIANTS, set_variant

METHODS = ("fanogan", "izi", "pca", "intensity")
TINY = ["width=2", "latent_dim=4", "batch_size=8", "generator_steps=8", "encoder_steps=8"]
Heard = dict[Path, int]


@dataclass
class TinyGrid:
    """``bench run`` as a user calls it."""

    results: Path
    cache: Path
    images: Path
    terminals: Path
    """A file for each command's output."""
    environment: dict[str, str] = field(default_factory=dict)
    variant: str = VARIANTS[0]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    expected: dict[str, set[str]] = field(default_factory=dict)
    """Keys of the runs by variant of the images."""
    decoded: dict[str, str] = field(default_factory=dict)
    """Folders of decoded images by variant."""
    life: float = 5.0
    """Seconds that a run's process lives when nobody hurts it, most of them importing."""
    _commands: int = 0

    def begin(self, *more: str) -> subprocess.Popen[bytes]:
        self._commands += 1
        self.terminals.mkdir(parents=True, exist_ok=True)
        with (self.terminals / f"{self._commands:03d}.txt").open("wb") as terminal:
            process = subprocess.Popen(
                self._command(*more),
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "BENCH_CACHE": str(self.cache), **self.environment},
            )
        self.running.append(process)
        return process

    def wait(self, seconds: float = 900.0) -> list[int]:
        """Until every command has ended; returns their statuses."""
        statuses = [process.wait(timeout=seconds) for process in self.running]
        self.running.clear()
        return statuses

    def run(self, *more: str) -> int:
        self.begin(*more)
        return self.wait()[-1]

    def change_images(self) -> None:
        self.set_variant(VARIANTS[1 - VARIANTS.index(self.variant)])

    def set_variant(self, variant: str) -> None:
        self.variant = variant
        set_variant(self.images, variant)

    def _command(self, *more: str) -> list[str]:
        settings = [part for text in ["folder.grey=true", *TINY] for part in ("--set", text)]
        return [
            sys.executable, "-m", "bench", "run", "--method", ",".join(METHODS), "--dataset", "folder",
            "--data-root", str(self.images), "--preset", "quick", "--device", "cpu", "--results", str(self.results),
            "--workers", "2", "--grace", "5s", *settings, *more,
        ]  # fmt: skip

    def records(self) -> list[Record]:
        """Those that can be read."""
        return RecordStore(self.results).records(on_damage=lambda error: None)

    def expected_files(self) -> list[Path]:
        return sorted(self.results.glob("runs/*/*/*/record.json"))

    def record_at(self, file: Path) -> Record:
        return read_record(file.parent)

    def heard(self) -> Heard:
        """How long every log and terminal is, to hear later what was said since."""
        return {file: file.stat().st_size for file in self._voices()}

    def said_since(self, heard: Heard) -> str:
        tails = (file.read_bytes()[heard.get(file, 0) :] for file in self._voices())
        return b"\n".join(tails).decode(errors="replace")

    def _voices(self) -> list[Path]:
        return [*self.terminals.glob("*.txt"), *self.results.glob("logs/*.log")]

    def last_words(self) -> str:
        return sorted(self.terminals.glob("*.txt"))[-1].read_text(errors="replace")

    def workers(self, but_of: int | None = None) -> dict[int, str]:
        """Processes that do a run now: their number and the run's key; without those started by ``but_of``."""
        found = {pid: match[1] for pid, line in _command_lines() if (match := self._of_a_worker().search(line))}
        left_out = {*found, but_of}  # a worker's child on its way to ``exec`` looks like another worker
        return {pid: key for pid, key in found.items() if _parent(pid) not in left_out}

    def _of_a_worker(self) -> re.Pattern[str]:
        return re.compile(rf"bench\.worker {re.escape(str(self.results))}/jobs/(\w+)\.json")

    def wait_for_workers(self, at_most: float = 60.0) -> dict[int, str]:
        """Those that are there as soon as there are some; none if the commands end before."""
        until = time.monotonic() + at_most
        while time.monotonic() < until and any(process.poll() is None for process in self.running):
            if found := self.workers():
                return found
            time.sleep(0.02)
        return {}

    def wait_for_peace(self, at_most: float = 60.0) -> None:
        """Until runs whose command was killed have noticed it and ended."""
        until = time.monotonic() + at_most
        while self.workers():
            assert time.monotonic() < until, f"still there: {self.workers()}"
            time.sleep(0.1)


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def _command_lines() -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdecimal() and (line := (folder / "cmdline").read_bytes()):
                found.append((int(folder.name), line.replace(b"\0", b" ").decode(errors="replace")))
    return found
