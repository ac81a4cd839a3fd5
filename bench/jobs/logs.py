"""Logs of runs in processes of their own: every attempt is added below a headline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.provenance import now

HEADLINE = "== "
_CRASH = "Fatal Python error"  # Python's faulthandler, followed by the stack, innermost call first
_STACK = 5  # lines
_MOST = 200  # lines
_LINES, _WIDTH = 8, 160


def last_attempt(file: Path) -> list[str]:
    """The end of a log that may be long or missing: a few hundred lines at most, none of an earlier attempt."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _WIDTH * _MOST))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()[-_MOST:]
    except OSError:
        return []
    starts = [i for i, line in enumerate(lines) if line.startswith(HEADLINE)]
    return lines[starts[-1] :] if starts else lines


def add_ending(file: Path, how: str) -> None:
    """Say in a log how its process ended that could not say so itself."""
    if file.is_file():  # a run in the calling process has none
        with file.open("a", encoding="utf-8") as log:
            log.write(f"-- {now()} {how}\n")


def last_words(lines: Sequence[str]) -> list[str]:
    """The few lines that tell most: the last, or those round the place where Python itself was brought down."""
    crashes = [i for i, line in enumerate(lines) if line.startswith(_CRASH)]
    end = crashes[-1] + _STACK if crashes else len(lines)
    return [line[:_WIDTH] for line in lines[max(0, end - _LINES) : end] if line]
