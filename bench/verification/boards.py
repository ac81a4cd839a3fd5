"""Boards written again from the records beside them, and held against the files to the letter."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.board_formats.requests import file_ending, write_all
from bench.boards.leaderboard import Known
from bench.boards.measures import Measure
from bench.verification.finding import Finding

_SHOWN = 60
"""Characters of a line, where it begins to differ."""


def changed_boards(folder: Path, known: Known, measures: Sequence[Measure]) -> tuple[int, list[Finding]]:
    """How many files of boards ``folder`` holds, and those that its records do not give."""
    found: list[Finding] = []
    looked_at = 0
    for measure in measures:
        there = {file.name: file for file in folder.glob(f"*-{file_ending(measure)}.*")}
        if there:
            looked_at += len(there)
            found += _changed(folder, there, _written_again(known, measure))
    return looked_at, found


def _written_again(known: Known, measure: Measure) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        files = write_all(known, (measure,), None, Path(scratch))
        return {file.name: file.read_text(encoding="utf-8") for file in files}


def _changed(folder: Path, there: dict[str, Path], again: dict[str, str]) -> list[Finding]:
    return [
        Finding("boards", str(folder / name), what)
        for name in sorted(there.keys() | again.keys())
        if (what := _difference(there.get(name), again.get(name)))
    ]


def _difference(file: Path | None, again: str | None) -> str | None:
    if again is None:
        return "no record gives this board"
    if file is None:
        return "the records give this board, and it is not there"
    lines, expected = file.read_text(encoding="utf-8", errors="replace").splitlines(), again.splitlines()
    pairs = enumerate(zip(lines + [""] * len(expected), expected + [""] * len(lines), strict=False), 1)
    differs = next(((n, a, b) for n, (a, b) in pairs if a != b), None)
    return differs and _line(*differs)


def _line(number: int, found: str, expected: str) -> str:
    begins = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), 0)
    first = max(0, begins - _SHOWN // 3)
    shown = (text[first : first + _SHOWN] for text in (expected, found))
    return "line {}, from character {}: the records give '{}', found '{}'".format(number, first + 1, *shown)
