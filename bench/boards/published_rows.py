"""Published figures as rows of a board: only those of its data, protocol, metric and way of averaging kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.boards.model import Cell, Reported, Row
from bench.boards.published import PublishedRow

Aggregation = Literal["mean_of_kinds", "pooled"]
Identity = tuple[str, str, int]
MEAN_COMPUTED = "mean of its published kinds, computed here"


@dataclass(frozen=True)
class Place:
    """What a published figure must be of to stand on a board."""

    dataset: str
    category: str | None
    protocol: str
    aggregation: Aggregation


def published_rows(rows: Sequence[PublishedRow], place: Place, metrics: Sequence[str]) -> list[Row]:
    """Rows with the first of ``metrics``; the others, single kinds and categories stand beside it where published."""
    here = [row for row in rows if _belongs(row, place)]
    of_place = [row for row in here if row.metric == metrics[0] and row.category == place.category]
    sources = dict.fromkeys(_identity(row) for row in of_place)
    kept_out = {_identity(row) for row in rows if not row.ranked and row.metric == metrics[0] and row.kind is None}
    found = [
        _row([row for row in here if _identity(row) == identity], place, metrics, identity not in kept_out)
        for identity in sources
    ]
    return [row for row in found if row]


def places(rows: Sequence[PublishedRow], dataset: str, category: str | None, metric: str) -> list[Place]:
    """Boards that published rows make without any run of ours."""
    found = [
        Place(dataset, category, protocol, row.aggregation if row.aggregation == "pooled" else "mean_of_kinds")
        for row in rows
        if row.ranked and (row.dataset, row.category, row.metric) == (dataset, category, metric)
        for protocol in row.comparable_with
    ]
    return list(dict.fromkeys(found))


def _belongs(row: PublishedRow, place: Place) -> bool:
    """Kinds of a row stand on boards of their mean; categories on that of the data set."""
    is_kind = row.kind is not None and place.aggregation == "mean_of_kinds"
    return (
        row.ranked
        and row.dataset == place.dataset
        and place.protocol in row.comparable_with
        and place.category in (row.category, None)
        and (is_kind or row.aggregation == place.aggregation)
    )


def _identity(row: PublishedRow) -> Identity:
    return (row.method, row.source, row.year)


def _row(rows: Sequence[PublishedRow], place: Place, metrics: Sequence[str], may_compute: bool) -> Row | None:
    """``may_compute``: nobody printed another mean than that of the kinds, so that it may be computed from them."""
    cells = {key: Cell(row.value, sd=row.sd) for row in rows if (key := _column(row, place, metrics))}
    first = next(row for row in rows if row.metric == metrics[0] and row.category == place.category)
    note = first.note
    if metrics[0] not in cells:
        kinds = [cell.value for key, cell in cells.items() if key.startswith("kind:")]
        if len(kinds) < 2 or not may_compute:
            return None
        cells[metrics[0]] = Cell(sum(kinds) / len(kinds))
        note = "; ".join(filter(None, [note, MEAN_COMPUTED]))
    origin = Reported(first.source, first.year, first.confidence, note, first.our_method)
    return Row(first.method, first.method, origin, cells)


def _column(row: PublishedRow, place: Place, metrics: Sequence[str]) -> str | None:
    if row.category == place.category and row.kind is None and row.metric in metrics:
        return row.metric
    if row.metric != metrics[0]:
        return None
    if row.category == place.category and row.kind is not None:
        return f"kind:{row.kind}"
    return f"category:{row.category}" if row.category and row.category != place.category and row.kind is None else None
