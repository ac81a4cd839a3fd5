"""A board as rows of words, before any form escapes or emphasises them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.boards.model import Board, Bounds, Cell, Column, Measured, Reported, Row

TIED = "≈"
DOUBTED = "†"
NONE = "–"


@dataclass(frozen=True)
class Header:
    """Of one column of words; ``key`` is unique and never shown."""

    key: str
    title: str
    is_number: bool


@dataclass(frozen=True)
class Words:
    """One cell."""

    text: str
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class Sheet:
    """All cells of a board, and the sources that its rows point to, in the order of their numbers."""

    headers: tuple[Header, ...]
    rows: tuple[tuple[Words, ...], ...]
    sources: tuple[str, ...]


def sheet(board: Board, with_categories: bool = False) -> Sheet:
    """Rank, method, the figure and how far to trust it, what it is a mean of, other figures, where it is from."""
    columns = [column for column in board.columns[1:] if with_categories or column.role != "category"]
    spread = spread_title(board)
    sources = sources_of(board)
    headers = [Header("rank", "rank", True), Header("method", "method", False)]
    headers.append(Header(board.ranked.key, board.ranked.title, True))
    headers += [Header("spread", spread, False)] if spread else []
    headers += [Header(column.key, column.title, True) for column in columns] + [Header("origin", "from", False)]
    rows = tuple(tuple(_cells(row, board.ranked, spread, columns, sources)) for row in board.rows)
    return Sheet(tuple(headers), rows, sources)


def _cells(
    row: Row, ranked: Column, spread: str | None, columns: Sequence[Column], sources: Sequence[str]
) -> list[Words]:
    trivial = " (trivial)" if isinstance(row.origin, Measured) and row.origin.trivial else ""
    cell = row.cells[ranked.key]
    figure = Words(figure_text(cell, ranked), row.best, row.tied)
    return [
        Words(str(row.rank) if row.rank else NONE),
        Words(row.name + trivial),
        figure,
        *([Words(spread_text(cell, spread))] if spread else []),
        *(Words(figure_text(row.cells.get(column.key), column)) for column in columns),
        Words(origin_text(row, sources)),
    ]


def figure_text(cell: Cell | None, column: Column) -> str:
    """``0.907``, ``12.3 s``, ``0.45 ms`` or a dash."""
    if cell is None:
        return NONE
    return {"share": f"{cell.value:.3f}", "s": f"{cell.value:.1f} s", "ms": f"{cell.value:.2f} ms"}[column.unit]


def spread_title(board: Board) -> str | None:
    """What most says of how far the figures may be trusted; ``None`` where no row has anything."""
    cells = [row.cells[board.ranked.key] for row in board.rows]
    kinds = {cell.bounds.kind for cell in cells if cell.bounds}
    if "interval" in kinds:
        return "95 % interval"
    if kinds:
        return "range of seeds"
    return "sd" if any(cell.sd is not None for cell in cells) else None


def spread_text(cell: Cell, title: str) -> str:
    """``0.870 – 0.950``; what is not of the kind that the title names says what it is."""
    if cell.bounds is None:
        return "" if cell.sd is None else f"{'' if title == 'sd' else 'sd '}{cell.sd:.3f}"
    if cell.bounds.low is None or cell.bounds.high is None:
        return "degenerate" if cell.bounds.kind == "interval" else NONE
    prefix = "range " if cell.bounds.kind == "range" and title != "range of seeds" else ""
    return f"{prefix}{_between(cell.bounds)}"


def _between(bounds: Bounds) -> str:
    return f"{bounds.low:.3f} – {bounds.high:.3f}"


def sources_of(board: Board) -> tuple[str, ...]:
    """Sources of the published rows, each once."""
    return tuple(dict.fromkeys(row.origin.source for row in board.rows if isinstance(row.origin, Reported)))


def origin_text(row: Row, sources: Sequence[str]) -> str:
    """``here, 3 seeds`` (``1–3`` where categories differ), or ``pub. 2022 [1]``, a dagger below high confidence."""
    if isinstance(row.origin, Reported):
        doubt = "" if row.origin.confidence == "high" else DOUBTED
        return f"pub. {row.origin.year} [{sources.index(row.origin.source) + 1}]{doubt}"
    n, fewest = len(row.origin.seeds), row.origin.fewest_seeds
    several = f"{n} seeds" if fewest == n else f"{fewest}–{n} seeds"
    seeds = f"seed {row.origin.seeds[0]}" if n == 1 else several
    return f"here, {seeds}" + (f"; {row.unranked}" if row.unranked else "")
