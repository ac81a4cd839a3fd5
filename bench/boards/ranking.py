"""Ranks, the best row, the line to beat, and which rows a paired comparison does not separate from the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.boards.measured import Entrant
from bench.boards.measures import Measure
from bench.boards.model import Column, Measured, Row
from bench.boards.paired import LEVEL, difference
from bench.statistics import holm

SEPARATED_BELOW = 1 - LEVEL


def ranked(rows: Sequence[Row], column: Column) -> list[Row]:
    """Best first, equal figures share a rank; rows without one come last."""
    order = sorted((row for row in rows if row.unranked is None), key=lambda row: (_loss(row, column), row.name))
    losses = [_loss(row, column) for row in order]
    placed = [
        replace(row, rank=losses.index(loss) + 1, best=loss == losses[0])
        for row, loss in zip(order, losses, strict=True)
    ]
    return placed + sorted((row for row in rows if row.unranked is not None), key=lambda row: row.name)


def _loss(row: Row, column: Column) -> float:
    value = row.cells[column.key].value
    return -value if column.higher_is_better else value


def line_to_beat(rows: Sequence[Row]) -> Row | None:
    """The best of the trivial baselines among ranked rows."""
    return next((r for r in rows if r.rank is not None and isinstance(r.origin, Measured) and r.origin.trivial), None)


def marked_below_line(rows: Sequence[Row], column: Column) -> list[Row]:
    """Rows of ours that do worse than a trivial baseline, said so."""
    line = line_to_beat(rows)
    if line is None:
        return list(rows)
    limit = _loss(line, column)
    return [_below(row) if _is_ours(row) and _loss(row, column) > limit else row for row in rows]


def _below(row: Row) -> Row:
    assert isinstance(row.origin, Measured)
    return row if row.origin.trivial else replace(row, origin=replace(row.origin, below_line=True))


def _is_ours(row: Row) -> bool:
    return isinstance(row.origin, Measured) and row.rank is not None


@dataclass(frozen=True)
class Compared:
    """Which row the others measured here were compared with, how, and what that could not be done for."""

    best: str
    method: str | None
    """``None`` where no comparison could be made."""
    untested: Mapping[str, str]
    """Row -> why; neither separated from the best nor tied with it."""


def with_ties(
    rows: Sequence[Row], entrants: Mapping[str, Entrant], measure: Measure
) -> tuple[list[Row], Compared | None]:
    """Rows, marked where tied with the best measured here; published ones are never claimed to be."""
    ours = [row for row in rows if _is_ours(row)]
    if len(ours) < 2 or measure.key != "auroc":
        return list(rows), None
    best, others = entrants[ours[0].name], [entrants[row.name] for row in ours[1:]]
    found = {
        other.name: difference(
            best.runs, other.runs, measure, shared_images=best.shared_images, comparisons=len(others)
        )
        for other in others
    }
    adjusted = dict(zip(found, holm([each.p_value for each in found.values()]), strict=True))
    tied = {name for name, p in adjusted.items() if found[name].is_none or (p is not None and p >= SEPARATED_BELOW)}
    untested = {name: each.degenerate for name, each in found.items() if each.degenerate and not each.is_none}
    method = next((each.method for each in found.values() if each.p_value is not None), None)
    told = f"{method}; Holm over {sum(p is not None for p in adjusted.values())}" if method else None
    marked = [replace(row, tied=_is_ours(row) and row.name in tied) for row in rows]
    return marked, Compared(best.name, told, untested)
