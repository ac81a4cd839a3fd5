"""Boards from runs and published rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from bench.boards.comparable import Terms, by_configuration, newest_data, newest_version
from bench.boards.footers import counts_of, failures_of, group_name, versions_of
from bench.boards.measured import Entrant
from bench.boards.measures import Measure
from bench.boards.model import Board, Column, Footer, Reported, Row
from bench.boards.naming import row_names
from bench.boards.published import PublishedRow
from bench.boards.published_rows import Aggregation, Place, places, published_rows
from bench.boards.ranking import Compared, line_to_beat, marked_below_line, ranked, with_ties
from bench.boards.shared_images import share_images
from bench.records.record import Record
from bench.records.saved import SavedRun

FULL_FIRST = ("paper", "standard")


def measured_boards(
    runs: Sequence[SavedRun],
    measures: Sequence[Measure],
    published: Sequence[PublishedRow] = (),
    categories: Sequence[str] | None = None,
    failed: Sequence[Record] = (),
    tell: Callable[[str], None] | None = None,
) -> list[Board]:
    """A board for each set of terms among ``runs``; the first of ``measures`` ranks, the others stand beside it.

    ``categories``: all of a data set's, where the figures are to be their means. ``failed``: runs without a result.
    ``tell`` is told of what takes minutes on large data: resampling images for several seeds.
    Raises ``StoreError`` naming a run whose scores are missing or were edited.
    """
    for run in runs:
        run.file("scores.parquet")
    groups = _by_terms(runs, measures[0], categories)
    if tell and any(run.record.spec.seed != runs[0].record.spec.seed for run in runs):
        tell(f"{runs[0].record.spec.dataset}: resampling the test images of {len(runs)} runs")
    boards = [_board(terms, group, measures, published, categories, failed) for terms, group in groups]
    return sorted(boards, key=order)


def comparable_entrants(
    runs: Sequence[SavedRun], measure: Measure, categories: Sequence[str] | None = None
) -> list[tuple[Terms, list[Entrant]]]:
    """The configurations of each board, without computing it."""
    groups = _by_terms(runs, measure, categories)
    return [(terms, list(_entrants(newest_data(group), categories))) for terms, group in groups]


def _by_terms(
    runs: Sequence[SavedRun], measure: Measure, categories: Sequence[str] | None
) -> list[tuple[Terms, list[SavedRun]]]:
    keyed = [(Terms.of(run.record, measure, categories is not None), run) for run in runs]
    groups = groupby(sorted(keyed, key=lambda pair: pair[0]), key=lambda pair: pair[0])
    return [(terms, [run for _, run in group]) for terms, group in groups]


def published_boards(
    published: Sequence[PublishedRow],
    dataset: str,
    category: str | None,
    measures: Sequence[Measure],
    joined: Iterable[Board] = (),
    categories: Sequence[str] | None = None,
) -> list[Board]:
    """Boards of published figures alone, for the protocols that no board of ``joined`` shows them under.

    ``categories``: what a figure of the whole is the mean over.
    """
    metrics = [measure.key for measure in measures]
    shown = {identity for board in joined for identity in _identities(board.rows)}
    boards = []
    for place in places(published, dataset, category, metrics[0]):
        rows = published_rows(published, place, metrics)
        if not _identities(rows) <= shown:
            shown |= _identities(rows)
            boards.append(_published_board(place, rows, measures, published, categories))
    return boards


def _identities(rows: Iterable[Row]) -> set[tuple[str, Reported]]:
    return {(row.name, row.origin) for row in rows if isinstance(row.origin, Reported)}


def order(board: Board) -> tuple[object, ...]:
    """Complete data and full budgets first; published figures alone after those, before what is only a trial."""
    preset = board.preset or "~"
    place = FULL_FIRST.index(preset) if preset in FULL_FIRST else len(FULL_FIRST)
    return (board.dataset, len(board.marks), place, preset, board.protocol)


# ---------------------------------------------------------------------------------------- measured


def _board(
    terms: Terms,
    runs: Sequence[SavedRun],
    measures: Sequence[Measure],
    published: Sequence[PublishedRow],
    categories: Sequence[str] | None,
    failed: Sequence[Record],
) -> Board:
    current = newest_data(runs)
    entrants = {entrant.name: entrant for entrant in _entrants(current, categories)}
    ours = [_row(entrant, measures) for entrant in entrants.values()]
    aggregation: Aggregation = "mean_of_kinds" if terms.is_mean_of_kinds else "pooled"
    place = Place(terms.dataset, terms.category or None, terms.protocol, aggregation)
    theirs = [] if terms.is_trial else published_rows(published, place, [measure.key for measure in measures])
    columns = _columns(measures, [*ours, *theirs], terms.is_mean_of_kinds)
    rows, compared = _placed([*ours, *theirs], columns, entrants, measures[0])
    used = [run for entrant in entrants.values() for run in entrant.all_runs]
    footer = Footer(
        counts=counts_of(used),
        group=group_name(used),
        categories=tuple(categories or ()),
        versions=versions_of(used),
        reference=compared.best if compared else None,
        comparison=compared.method if compared else None,
        untested=compared.untested if compared else {},
        older=len(current) - len(used),
        other_data=len(runs) - len(current),
        without=tuple(row.name for row in ours if columns[0].key not in row.cells),
        failed=failures_of(failed, runs, terms),
        unmatched=_unmatched(published, place, measures[0].key, theirs),
        **_line(rows, columns[0]),
    )
    data = {run.record.spec.category or "": run.record.spec.data for run in used}
    return Board(
        terms.label, terms.protocol, terms.protocol_version, terms.preset, terms.marks, aggregation,
        json.loads(terms.dataset_params), data, columns, rows, footer,
    )  # fmt: skip


def _placed(
    rows: Sequence[Row], columns: Sequence[Column], entrants: Mapping[str, Entrant], measure: Measure
) -> tuple[tuple[Row, ...], Compared | None]:
    """Rows that have the figure, best first and marked, with no cells but those of the columns."""
    column, keys = columns[0], {column.key for column in columns}
    with_figure = [row for row in rows if column.key in row.cells]
    shown = [replace(row, cells={k: cell for k, cell in row.cells.items() if k in keys}) for row in with_figure]
    placed, compared = with_ties(marked_below_line(ranked(shown, column), column), entrants, measure)
    return tuple(placed), compared


def _line(rows: Sequence[Row], column: Column) -> dict[str, Any]:
    line = line_to_beat(rows)
    return {"line": line.name, "line_value": line.cells[column.key].value} if line else {}


def _entrants(runs: Sequence[SavedRun], categories: Sequence[str] | None) -> Iterator[Entrant]:
    newest = [newest_version(of) for of in by_configuration(runs).values()]
    for name, of in zip(row_names([each[0].record for each in newest]), newest, strict=True):
        yield _entrant(name, of, categories)


def _entrant(name: str, runs: Sequence[SavedRun], categories: Sequence[str] | None) -> Entrant:
    if categories is None:
        return Entrant(name, {"": runs})
    found: dict[str, list[SavedRun]] = {}
    for run in runs:
        found.setdefault(run.record.spec.category or "", []).append(run)
    missing = tuple(category for category in categories if category not in found)
    return Entrant(name, found, missing, share_images(runs[0].record.spec.dataset))


def _row(entrant: Entrant, measures: Sequence[Measure]) -> Row:
    first, total = measures[0], len(entrant.runs) + len(entrant.missing)
    cells = {m.key: cell for m in measures if (cell := entrant.cell(m, with_bounds=m is first))}
    cells |= {f"kind:{kind}": cell for kind, cell in entrant.kind_cells(first).items()}
    cells |= {f"category:{name}": cell for name, cell in entrant.category_cells(first).items()}
    unranked = f"{len(entrant.runs)} of {total} categories" if entrant.missing else None
    return Row(entrant.name, entrant.first.record.spec.method, entrant.origin(), cells, unranked=unranked)


def _columns(measures: Sequence[Measure], rows: Sequence[Row], is_mean_of_kinds: bool) -> tuple[Column, ...]:
    """The ranked figure, what it is a mean of, and those beside it which some row has."""
    first, keys = measures[0], list(dict.fromkeys(key for row in rows for key in row.cells))
    kinds = sorted(key for key in keys if key.startswith("kind:")) if is_mean_of_kinds else []
    categories = sorted(key for key in keys if key.startswith("category:"))
    return (
        first.column("ranked"),
        *(_part(key, "kind", first) for key in kinds),
        *(_part(key, "category", first) for key in categories),
        *(measure.column("beside") for measure in measures[1:] if measure.key in keys),
    )


def _part(key: str, role: str, of: Measure) -> Column:
    title = key.partition(":")[2].replace("_", " ")
    return Column(key, title, "kind" if role == "kind" else "category", of.higher_is_better, of.unit)


# --------------------------------------------------------------------------------------- published


def _published_board(
    place: Place,
    rows: Sequence[Row],
    measures: Sequence[Measure],
    published: Sequence[PublishedRow],
    categories: Sequence[str] | None,
) -> Board:
    columns = _columns(measures, rows, place.aggregation == "mean_of_kinds")
    unmatched = _unmatched(published, place, measures[0].key, rows)
    footer = Footer(categories=tuple(categories or ()), unmatched=unmatched)
    label = f"{place.dataset}:{place.category}" if place.category else place.dataset
    shown, _ = _placed(rows, columns, {}, measures[0])
    return Board(label, place.protocol, None, None, (), place.aggregation, {}, {}, columns, shown, footer)


def _unmatched(published: Sequence[PublishedRow], place: Place, metric: str, shown: Sequence[Row]) -> int:
    """Published figures of this data set and metric, of all kinds together, that are not on the board."""
    wanted = (place.dataset, place.category, metric, None)
    of_metric = [row for row in published if (row.dataset, row.category, row.metric, row.kind) == wanted]
    names = {(name, origin.source) for name, origin in _identities(shown)}
    return sum((row.method, row.source) not in names or not row.ranked for row in of_metric)
