"""What happens around a grid: a full disk, permissions taken away, images replaced, a clock set back, company."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

from .disk import Disk
from .fault import Fault, Struck
from .grid import TinyGrid

_DAY = 86_400
_CLOCK = Path(__file__).with_name("clock.c")
_MET = r"is under way|by another process|recorded already|\b0 to do"


class DiskFilled(Fault):
    """No space is left while a command is on its way."""

    name = "a disk filled"

    def __init__(self, grid: TinyGrid, rng: random.Random, disk: Disk) -> None:
        super().__init__(grid, rng)
        self._disk = disk

    def strike(self) -> list[Struck]:
        heard = self.grid.heard()
        if self.rng.random() < 0.7:
            self.grid.wait_for_workers()
            self.wait_a_while()
        if not any(process.poll() is None for process in self.grid.running):
            return []
        self._disk.fill()
        return [self.struck(self._disk.folder, r"No space left|disk is full|File too large", heard)]

    def lift(self) -> None:
        self._disk.empty()


class PermissionRemoved(Fault):
    """Nothing can be made in the results folder any more, while a command is on its way."""

    name = "write permission removed"

    def __init__(self, grid: TinyGrid, rng: random.Random, disk: Disk) -> None:
        super().__init__(grid, rng)
        self._disk, self._locked = disk, list[Path]()

    def strike(self) -> list[Struck]:
        heard = self.grid.heard()
        if self.rng.random() < 0.7:
            self.grid.wait_for_workers()
            self.wait_a_while()
        if not any(process.poll() is None for process in self.grid.running):
            return []
        self._locked = [folder for folder in (self.grid.results, *self.grid.results.glob("*")) if folder.is_dir()]
        self._disk.lock(self._locked)
        return [self.struck(self.grid.results, r"not permitted|Permission denied|cannot be written", heard)]

    def lift(self) -> None:
        self._disk.unlock(self._locked)


class ImageChanged(Fault):
    """One training image is replaced: other data, another key. The variants take turns."""

    name = "a source image changed"

    def strike(self) -> list[Struck]:
        self.grid.change_images()
        is_known = any(record.key in self.grid.expected[self.grid.variant] for record in self.grid.records())
        return [self.struck(self.grid.variant, None if is_known else "data changed")]


class ClockSetBack(Fault):
    """Whatever lies there is of a later day, and the next commands see a clock that was set back."""

    name = "a clock set back"

    def strike(self) -> list[Struck]:
        days = self.rng.randrange(1, 3000)
        for file in [*self.grid.results.rglob("*"), *self.grid.cache.rglob("*"), *self.grid.images.rglob("*")]:
            os.utime(file, (time.time() + days * _DAY,) * 2, follow_symlinks=False)
        if library := _shim(self.grid.terminals.parent):
            self.grid.environment |= {"LD_PRELOAD": str(library), "CLOCK_SET_BACK": str(days * _DAY)}
        return [self.struck(f"{days} days", None)]  # no clock is compared with another: there is nothing to tell

    def lift(self) -> None:
        for name in ("LD_PRELOAD", "CLOCK_SET_BACK"):
            self.grid.environment.pop(name, None)


def _shim(folder: Path) -> Path | None:
    """A library that sets back the clock of a process, where there is a compiler."""
    library = folder / "clock.so"
    compiler = shutil.which("cc")
    if compiler and not library.is_file():
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _CLOCK], check=True, timeout=60)
    return library if compiler else None


class SecondParent(Fault):
    """The same command is given twice; where the second comes upon runs of the first, it says so."""

    name = "two parents at once"

    def strike(self) -> list[Struck]:
        heard = self.grid.heard()
        if self.rng.random() < 0.7:  # else they begin together
            self.grid.wait_for_workers()
        second = self.grid.begin()
        while second.poll() is None and "to do" not in self.grid.last_words():
            time.sleep(0.01)
        met = self.grid.workers(but_of=second.pid)  # it has planned, and asks for its runs now
        while not self._has_spoken() and met.keys() & self.grid.workers().keys() and second.poll() is None:
            time.sleep(0.05)
        # Silent though it ended, or goes on, beside a run that was under way all the time: that must be heard of.
        must_speak = self._has_spoken() or bool(met.keys() & self.grid.workers().keys())
        return [self.struck(f"process {second.pid}", _MET if must_speak else None, heard)]

    def _has_spoken(self) -> bool:
        return re.search(_MET, self.grid.last_words()) is not None
