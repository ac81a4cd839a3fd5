"""A board as flat rows with full precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.boards.model import Board, Measured, Reported, Row


def flat_rows(number: int, board: Board) -> Iterator[dict[str, Any]]:
    """A dictionary for each row; figures that are not there are ``None``, marks and lists are joined by spaces."""
    for row in board.rows:
        yield {"board": number, **_of_board(board), **_of_row(board, row), **_figures(board, row)}


def _of_board(board: Board) -> dict[str, Any]:
    counts = board.footer.counts
    return {
        "dataset": board.dataset,
        "protocol": board.protocol,
        "protocol_version": board.protocol_version,
        "preset": board.preset,
        "marks": " ".join(board.marks),
        "aggregation": board.aggregation,
        "categories": len(board.footer.categories) or None,
        "test_normal": counts and _span(counts.normal),
        "test_anomalous": counts and _span(counts.anomalous),
        "test_groups": counts and counts.groups and _span(counts.groups),
        "metric": board.ranked.key,
    }


def _span(of: tuple[int, int]) -> int | str:
    return of[0] if of[0] == of[1] else f"{of[0]}-{of[1]}"


def _of_row(board: Board, row: Row) -> dict[str, Any]:
    cell, origin = row.cells[board.ranked.key], row.origin
    ours = origin if isinstance(origin, Measured) else None
    theirs = origin if isinstance(origin, Reported) else None
    bounds = cell.bounds
    return {
        "rank": row.rank,
        "method": row.name,
        "origin": "here" if ours else "published",
        "value": cell.value,
        "low": bounds and bounds.low,
        "high": bounds and bounds.high,
        "bounds": bounds and bounds.kind,
        "bounds_method": bounds and (bounds.missing or bounds.method),
        "sd": cell.sd,
        "best": row.best,
        "tied": row.tied,
        "unranked": row.unranked,
        "view": ours and ours.view,
        "seeds": ours and " ".join(map(str, ours.seeds)),
        "trivial": ours and ours.trivial,
        "records": ours and " ".join(ours.keys),
        "year": theirs and theirs.year,
        "source": theirs and theirs.source,
        "confidence": theirs and theirs.confidence,
        "note": theirs and theirs.note,
    }


def _figures(board: Board, row: Row) -> dict[str, float | None]:
    """What the figure is a mean of, and the figures beside it."""
    return {column.key: cell.value if (cell := row.cells.get(column.key)) else None for column in board.columns[1:]}
