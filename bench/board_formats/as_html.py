"""Boards as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bench.board_formats.sheet import TIED, Header, Words, sheet
from bench.board_formats.words import heading, notes, subheading
from bench.boards.model import Board, Measured, Row

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2.5rem 0 0 } p { margin: .2rem 0 .8rem; color: #5a6472 } mark { background: #ffe9a8; padding: 0 .3em }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; text-align: left; white-space: nowrap } td.n, th.n { text-align: right }
thead th { border-bottom: 2px solid #1c2430; font-weight: 600; vertical-align: bottom }
tbody tr:nth-child(even) { background: #f5f7fa } tr.here td { background: #e8f1fb } tr.line td { background: #fdf3d4 }
tr.below td { color: #7b8592 } td.method { white-space: normal; min-width: 11rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: 13px; margin: 1rem 0 }
dt { color: #5a6472 } dd { margin: 0 }
"""


def write(boards: Sequence[Board]) -> str:
    """One section for each board."""
    return page(dict.fromkeys(board.dataset for board in boards), map(_section, boards))


def page(names: Iterable[str], sections: Iterable[str]) -> str:
    """A whole page: ``names`` are text, for its title, and ``sections`` are HTML."""
    inside = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport"'
        f' content="width=device-width"><title>{escape(", ".join(names))}</title>\n<style>{_STYLE}</style></head>\n'
        f"<body>\n{inside}\n</body>\n</html>\n"
    )


def footer(notes: Iterable[tuple[str, str]]) -> str:
    """What stands below a table."""
    lines = "\n".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in notes)
    return f"<dl>\n{lines}\n</dl>"


def _section(board: Board) -> str:
    content = sheet(board, with_categories=True)
    heads = "".join(f"<th{_number(header)}>{escape(header.title)}</th>" for header in content.headers)
    rows = "\n".join(_row(board, *pair, content.headers) for pair in zip(board.rows, content.rows, strict=True))
    under = escape(subheading(board))
    return (
        f"<h2>{escape(heading(board))}</h2>\n<p>{f'<mark>{under}</mark>' if board.marks else under}</p>\n"
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n'
        f"{footer(notes(board))}"
    )


def _row(board: Board, row: Row, cells: Sequence[Words], headers: Sequence[Header]) -> str:
    tds = "".join(
        f"<td{_number(header)}>{_marked(cell)}</td>" for header, cell in zip(headers, cells, strict=True)
    )  # fmt: skip
    return f'<tr class="{_class(board, row)}">{tds}</tr>'


def _class(board: Board, row: Row) -> str:
    if not isinstance(row.origin, Measured):
        return "published"
    if row.name == board.footer.line:
        return "here line"
    return "here below" if row.origin.below_line or row.rank is None else "here"


def _number(header: Header) -> str:
    return ' class="n"' if header.is_number else f' class="{header.key}"' if header.key == "method" else ""


def _marked(cell: Words) -> str:
    text = escape(cell.text)
    if cell.best:
        return f"<strong>{text}</strong>"
    return f"{text}&nbsp;{TIED}" if cell.tied else text
