"""Files that are damaged between two commands: cut short, emptied, written over, or one bit turned."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from bench.records.record import Record

from .fault import Fault, Struck


def cut(file: Path, rng: random.Random) -> None:
    file.write_bytes(file.read_bytes()[: rng.randrange(max(1, file.stat().st_size))])


def write_over(file: Path, rng: random.Random) -> None:
    """With 200 random bytes."""
    content = bytearray(file.read_bytes())
    start = rng.randrange(max(1, len(content) - 200))
    content[start : start + 200] = rng.randbytes(200)
    file.write_bytes(content)


def turn_a_bit(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


class RecordDamaged(Fault):
    """``record.json`` of a finished run."""

    name = "a record damaged"

    def strike(self) -> list[Struck]:
        found = [record for record in self.grid.records() if record.key in self.grid.expected[self.grid.variant]]
        return self.damage(self.rng.choice(found)) if found else []

    def damage(self, record: Record) -> list[Struck]:
        self.rng.choice([cut, write_over])(record.folder / "record.json", self.rng)
        return [self.struck(f"{record.spec.method} {record.key}", f"{record.key}: the damaged record is kept as")]


class CachedImagesDamaged(Fault):
    """The decoded images that every run of the data set reads; and a record, so that they will be read."""

    name = "cached images damaged"

    def strike(self) -> list[Struck]:
        read_by = [record for record in self.grid.records() if record.key in self.grid.expected[self.grid.variant]]
        folder = self.grid.cache / "images" / self.grid.decoded[self.grid.variant]
        files = sorted(folder.glob("*/*"))
        if not files or not read_by:
            return []
        file = self.rng.choice(files)
        self.rng.choice([cut, turn_a_bit] if file.name == "pixels.u8" else [cut])(file, self.rng)
        return [
            self.struck(file.relative_to(self.grid.cache), f"{folder.name} is damaged"),
            *RecordDamaged(self.grid, self.rng).damage(self.rng.choice(read_by)),
        ]


class CheckpointDamaged(Fault):
    """A checkpoint of a run or of a shared stage that was cut off, and that will be asked for."""

    name = "a checkpoint damaged"

    def strike(self) -> list[Struck]:
        files = [*self.grid.results.glob("work/*/*.checkpoint"), *self.grid.results.glob("stages/*/*.checkpoint")]
        done = {record.key for record in self.grid.records() if record.status == "done"}
        unused = [f for f in files if f.parent.name in done or (f.parent / "stage.json").is_file() or not _is_intact(f)]
        asked = [file for file in files if file not in unused]
        if not asked:
            return []
        file = self.rng.choice(sorted(asked))
        self.rng.choice([cut, write_over])(file, self.rng)
        return [self.struck(file.relative_to(self.grid.results), f"{file.name}: checkpoint cannot be used")]


def _is_intact(file: Path) -> bool:
    try:
        with ZipFile(file) as archive:
            return archive.testzip() is None
    except (BadZipFile, OSError, ValueError, NotImplementedError, zlib.error, struct.error, RuntimeError, EOFError):
        return False


class StageDamaged(Fault):
    """The GAN that two methods share; and a record, so that it will be asked for."""

    name = "a stage damaged"

    def strike(self) -> list[Struck]:
        users = [record for record in self.grid.records() if record.stages]
        if not users:
            return []
        user = self.rng.choice(users)
        (key,) = user.stages.values()
        file = self.grid.results / "stages" / key / self.rng.choice(["weights.safetensors", "stage.json"])
        if not file.is_file():
            return []
        self.rng.choice([cut, turn_a_bit] if file.suffix == ".safetensors" else [cut])(file, self.rng)
        return [
            self.struck(file.relative_to(self.grid.results), f"{key}.* is damaged"),
            *RecordDamaged(self.grid, self.rng).damage(user),
        ]
