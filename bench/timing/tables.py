"""Timings in the terminal: methods side by side, a figure in each line, for there are more figures than methods."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.boards.naming import row_names
from bench.timing.record import Timing
from bench.timing.sheet import Figure, figure_text, figures_of, heading, notes

_SIDE_BY_SIDE = 6
"""Methods in one table; more of them stand below."""


def report(timings: Sequence[Timing]) -> RenderableType:
    """All timings of one data set and device."""
    figures = figures_of(timings)
    named = list(zip(row_names(timings), timings, strict=True))
    parts = [named[i : i + _SIDE_BY_SIDE] for i in range(0, len(named), _SIDE_BY_SIDE)]
    tables = [_table(part, figures) for part in parts]
    return Group(f"[bold]{escape(heading(timings))}[/]", *tables, _notes(timings))


def _table(named: Sequence[tuple[str, Timing]], figures: Sequence[Figure]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name, _ in named:
        table.add_column(escape(name), justify="right", overflow="fold")
    for figure in figures:
        cells = [figure_text(timing.spread(figure.read), figure) for _, timing in named]
        table.add_row(figure.title, *cells)
    return table


def _notes(timings: Sequence[Timing]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in notes(timings):
        warning = {"no result": "red", "contended": "yellow"}.get(label, "")
        table.add_row(escape(label), escape(text), style=warning)
    return table
