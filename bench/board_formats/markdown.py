"""Boards as Markdown tables, as GitHub draws them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bench.board_formats.sheet import TIED, Words, sheet
from bench.board_formats.words import heading, notes, subheading
from bench.boards.model import Board

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#])")


def write(boards: Sequence[Board]) -> str:
    """One section for each board."""
    return "\n".join(_section(board) for board in boards)


def _section(board: Board) -> str:
    content = sheet(board)
    lines = [f"## {escape(heading(board))}", "", escape(subheading(board)), ""]
    lines.append(_line(escape(header.title) for header in content.headers))
    lines.append(_line("---:" if header.is_number else "---" for header in content.headers))
    lines += [_line(_marked(cell) for cell in cells) for cells in content.rows]
    lines.append("")
    lines += [f"* {escape(label)}: {escape(text)}" for label, text in notes(board)]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(cell: Words) -> str:
    text = escape(cell.text)
    if cell.best:
        return f"**{text}**"
    return f"{text} {TIED}" if cell.tied else text


def escape(text: str) -> str:
    """Characters that Markdown would take for its own."""
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")
