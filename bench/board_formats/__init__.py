"""Boards in words: one file for each form they are written in. All computing is done in ``bench.boards``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.boards.model import Board
from bench.errors import unknown_name

Writer = Callable[[Sequence[Board]], str]
"""Boards, one after the other, as the text of one file."""


def writer(name: str) -> Writer:
    """The writer of a format; raises ``ConfigError`` with the nearest names."""
    from bench.board_formats import as_csv, as_html, as_json, latex, markdown, terminal

    writers: dict[str, Writer] = {
        "terminal": terminal.write, "markdown": markdown.write, "latex": latex.write,
        "csv": as_csv.write, "json": as_json.write, "html": as_html.write,
    }  # fmt: skip
    if name not in writers:
        raise unknown_name("format", name, writers, "See: bench leaderboard --help.")
    return writers[name]
