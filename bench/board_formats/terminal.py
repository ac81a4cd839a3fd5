"""Boards in the terminal: the best is bold, the line to beat yellow, what lies below it dim."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.board_formats.sheet import TIED, Header, Words, sheet
from bench.board_formats.words import heading, notes, subheading
from bench.boards.model import Board, Measured, Row

PIPE_WIDTH = 160  # a pipe has room for long lines


def report(board: Board) -> RenderableType:
    """One board with its heading and footer."""
    marks = "yellow" if board.marks else "dim"
    head = f"[bold]{escape(heading(board))}[/]\n[{marks}]{escape(subheading(board))}[/]"
    return Group(head, _table(board), _footer(board))


def write(boards: Sequence[Board]) -> str:
    """The same without colours, for a file."""
    return as_text(map(report, boards))


def as_text(reports: Iterable[RenderableType]) -> str:
    """What the terminal shows, one below the other."""
    text = io.StringIO()
    console = Console(file=text, width=PIPE_WIDTH, highlight=False, no_color=True)
    for each in reports:
        console.print(each)
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _table(board: Board) -> Table:
    content = sheet(board)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in content.headers:
        _add_column(table, header)
    for row, cells in zip(board.rows, content.rows, strict=True):
        table.add_row(*(_marked(cell) for cell in cells), style=_style(board, row))
    return table


def _add_column(table: Table, header: Header) -> None:
    whole = header.key in ("rank", "spread")
    table.add_column(header.title, justify="right" if header.is_number else "left", overflow="fold", no_wrap=whole)


def _marked(cell: Words) -> str:
    text = escape(cell.text)
    if cell.best:
        return f"[bold]{text}[/] "
    return f"{text}{TIED}" if cell.tied else f"{text}"


def _style(board: Board, row: Row) -> str:
    if row.name == board.footer.line:
        return "yellow"
    dim = row.rank is None or (isinstance(row.origin, Measured) and row.origin.below_line)
    return "dim" if dim else ""


def _footer(board: Board) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in notes(board):
        table.add_row(escape(label), escape(text), style="red" if label == "no result" else "")
    return table
