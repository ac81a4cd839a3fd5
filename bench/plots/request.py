"""What is asked of a figure: which runs, and where to. Imports nothing, for ``bench --help`` is quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wanted:
    """Runs as the user asked for them; ``None`` and an empty list leave a question to the records."""

    dataset: str | None = None
    methods: Sequence[str] = ()
    preset: str | None = None
    seeds: Sequence[int] = ()
    view: str | None = None
    precision: str | None = None


@dataclass(frozen=True)
class FigureRequest:
    """Runs of a results folder, the file to draw them into, and its width by name."""

    wanted: Wanted
    results: Path
    out: Path
    width: str
