"""What ``bench leaderboard`` was asked for, and files of all data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.board_formats import writer
from bench.boards.leaderboard import Known, boards_there, leaderboard
from bench.boards.measures import Measure
from bench.boards.model import Board
from bench.errors import ConfigError
from bench.writing import replace_file, writing_output

Tell = Callable[[str], None] | None
KEPT = {"markdown": "md", "csv": "csv"}
"""What ``--all`` writes, and how such files end."""


def boards_requested(
    known: Known, dataset: str | None, measures: Sequence[Measure], preset: str | None, tell: Tell = None
) -> list[Board]:
    """The boards of one data set; raises ``ConfigError`` saying what can be asked for where none is named."""
    if dataset is None:
        known_names = ", ".join(known.datasets) or "none"
        raise ConfigError(f"Expected --dataset NAME, or --all with --out DIR. Known here: {known_names}.")
    return leaderboard(known, dataset, measures, preset, tell)


def file_ending(measure: Measure) -> str:
    """How files of its boards are named, after the data set: ``au_spro-0.05``."""
    return measure.key.replace("@", "-")


def write_all(
    known: Known,
    measures: Sequence[Measure],
    preset: str | None,
    out: Path | None,
    dataset: str | None = None,
    tell: Tell = None,
) -> Iterator[Path]:
    """Write the boards of every data set that has the metric below ``out``, and yield the files.

    Raises ``ConfigError`` without a folder, or together with the name of one data set, and ``StoreError`` where they
    cannot be written.
    """
    if out is None or dataset is not None:
        raise ConfigError("Expected --all --out DIR without --dataset: one file for each data set and format.")
    found = 0
    for name in known.datasets:
        boards = boards_there(known, name, measures, preset, tell)
        if not boards:
            continue  # nothing of this metric or preset
        found += 1
        for kept, suffix in KEPT.items():
            file = out / f"{name}-{file_ending(measures[0])}.{suffix}"
            with writing_output(out, "DIR"), replace_file(file) as temporary:
                temporary.write_text(writer(kept)(boards), encoding="utf-8")
            yield file
    if not found:
        under = f" under preset {preset}" if preset else ""
        raise ConfigError(f"No board to write: nothing has {measures[0].key}{under}. See: bench leaderboard --help.")
