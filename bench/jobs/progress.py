"""How far a run in another process is: it writes a small file now and then, whoever looks reads it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import FiniteFloat, TypeAdapter

from bench.progress import LineReporter, Reporter, Stage
from bench.writing import replace_file

_WRITE_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class Progress:
    """One look at a run."""

    stage: str = ""
    done: int = 0
    total: int = 0
    left: FiniteFloat | None = None
    """Seconds until the stage ends, at its mean pace so far."""
    values: Mapping[str, float] = field(default_factory=dict)
    waits_for: str | None = None
    """The claim of another process because of which this one left its run."""

    def write(self, file: Path) -> None:
        """Replace the file; a full disk must not end a run for the sake of its progress."""
        with suppress(OSError), replace_file(file) as temporary:
            temporary.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> Progress:
        """What the file says; nothing where it is missing or damaged."""
        try:
            return _PROGRESS.validate_json(file.read_bytes())
        except (OSError, ValueError):
            return cls()


_PROGRESS = TypeAdapter(Progress)


class FileReporter:
    """Writes its stage and progress to a file, and passes everything on."""

    def __init__(self, file: Path, to: Reporter | None = None) -> None:
        self._file, self._to = file, to or LineReporter()

    def say(self, text: str) -> None:
        self._to.say(text)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        with self._to.stage(name, total) as shown:
            yield _FiledStage(self._file, name, total, shown)


class _FiledStage:
    def __init__(self, file: Path, name: str, total: int, shown: Stage) -> None:
        self._file, self._name, self._total, self._shown = file, name, total, shown
        self._start = self._written = time.monotonic()
        self._first: int | None = None  # a resumed stage starts beyond zero
        Progress(name, 0, total).write(file)

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        self._shown.update(done, values)
        self._first = done if self._first is None else self._first
        if time.monotonic() - self._written >= _WRITE_EVERY:
            self._written = time.monotonic()
            Progress(self._name, done, self._total, self._left(done), values or {}).write(self._file)

    def _left(self, done: int) -> float | None:
        steps = done - (self._first or 0)
        return (time.monotonic() - self._start) / steps * (self._total - done) if steps > 0 else None
