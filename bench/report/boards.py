"""Every board of a report, with links from its rows to the pages of their runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.board_formats.sheet import TIED, Header, Words, sheet
from bench.board_formats.words import heading, notes
from bench.boards.leaderboard import ALL, Known, averaged_categories, boards_there
from bench.boards.measures import AFTER_A_RUN, MEASURES, Measure
from bench.boards.model import Board, Measured, Row
from bench.records.saved import SavedRun
from bench.report.groups import Group, group_slug, run_slug

PIXELS = tuple(MEASURES[key] for key in ("au_spro@0.05", "au_pro@0.3", "pixel_auroc", "pixel_average_precision", "iou"))


@dataclass(frozen=True)
class Link:
    """To a page, by its path from the site's folder."""

    text: str
    path: str


@dataclass(frozen=True)
class ShownRow:
    """One row of words; ``runs`` are the pages behind it."""

    style: str
    origin: str
    cells: tuple[Words, ...]
    runs: tuple[Link, ...]


@dataclass(frozen=True)
class ShownBoard:
    """A board as its page needs it."""

    id: str
    board: Board
    title: str
    headers: tuple[Header, ...]
    rows: tuple[ShownRow, ...]
    notes: tuple[tuple[str, str], ...]
    pages: tuple[Link, ...]
    """Of the data sets that its rows were measured on."""

    @property
    def marks(self) -> tuple[str, ...]:
        return self.board.marks

    @property
    def preset(self) -> str:
        return self.board.preset or "published"


def every_board(known: Known) -> list[ShownBoard]:
    """All boards of the data sets that were run, by images and, where there are maps, by pixels."""
    runs = {run.record.key: run for run in known.runs}
    boards: dict[str, Board] = {}
    for board in _boards(known):
        boards.setdefault(repr(board), board)  # one that a data set and its categories share
    return [_shown(f"board-{i}", board, runs) for i, board in enumerate(boards.values())]


def boards_of(group: Group, boards: Sequence[ShownBoard]) -> list[ShownBoard]:
    """Those whose rows were measured on the group's test images, and nothing else."""
    keys = {run.record.key for run in group.runs}
    return [shown for shown in boards if (found := _keys(shown.board)) and found <= keys]


def _keys(board: Board) -> set[str]:
    return {key for row in board.rows if isinstance(row.origin, Measured) for key in row.origin.keys}


def _boards(known: Known) -> Iterator[Board]:
    for name in sorted({run.record.spec.dataset for run in known.runs}):
        ours = [run for run in known.runs if run.record.spec.dataset == name]
        boards = list(_of_dataset(known, name, AFTER_A_RUN))
        if any(run.record.metrics and run.record.metrics.pixel for run in ours):
            boards += _of_dataset(known, name, PIXELS)
        yield from sorted(boards, key=lambda board: board.is_published_only)


def _of_dataset(known: Known, name: str, measures: Sequence[Measure]) -> Iterator[Board]:
    categories = averaged_categories(known, name)
    seen = {run.record.spec.category for run in known.runs if run.record.spec.dataset == name} - {None}
    if not seen:
        yield from boards_there(known, name, measures)
    else:
        if categories and seen >= set(categories):
            yield from boards_there(known, name, measures)
        yield from boards_there(known, f"{name}:{ALL}", measures)


def _shown(identifier: str, board: Board, runs: Mapping[str, SavedRun]) -> ShownBoard:
    content = sheet(board, with_categories=True)
    rows = [
        ShownRow(_style(board, row), _origin(row), cells, tuple(_run_links(board, row, runs)))
        for row, cells in zip(board.rows, content.rows, strict=True)
    ]
    pages = {_page(runs[key]): None for key in sorted(_keys(board)) if key in runs}
    return ShownBoard(
        identifier, board, heading(board), content.headers, tuple(rows), tuple(notes(board)), tuple(pages)
    )


def _page(run: SavedRun) -> Link:
    return Link(run.record.spec.dataset_label, f"data/{group_slug(run.record)}.html")


def _run_links(board: Board, row: Row, runs: Mapping[str, SavedRun]) -> Iterator[Link]:
    if not isinstance(row.origin, Measured):
        return
    for run in (runs[key] for key in row.origin.keys if key in runs):
        spec = run.record.spec
        where = "" if spec.dataset_label == board.dataset else f"{spec.dataset_label}, "
        yield Link(f"{where}seed {spec.seed}", f"runs/{run_slug(run.record)}.html")


def _origin(row: Row) -> str:
    return "measured here" if isinstance(row.origin, Measured) else "published"


def _style(board: Board, row: Row) -> str:
    if not isinstance(row.origin, Measured):
        return "published"
    if row.name == board.footer.line:
        return "line"
    return "below" if row.origin.below_line else ""


def text_of(cell: Words) -> str:
    """With the sign of a tie."""
    return f"{cell.text} {TIED}" if cell.tied else cell.text
