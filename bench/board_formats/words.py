"""The heading of a board, and what stands below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.board_formats.sheet import DOUBTED, TIED, figure_text, sources_of
from bench.boards.model import Board, Cell, Measured, Reported


def heading(board: Board) -> str:
    """``mvtec-loco: AUROC``."""
    arrow = "" if board.ranked.higher_is_better else ", lower is better"
    return f"{board.dataset}: {board.ranked.title}{arrow}"


def subheading(board: Board) -> str:
    """What all rows have in common, with the marks that must stand wherever a figure is shown."""
    preset = f"preset {board.preset}" if board.preset else "published figures only"
    about = board.protocol if board.preset in board.marks else f"{board.protocol}; {preset}"
    return f"{about} ({', '.join(board.marks)})" if board.marks else about


def notes(board: Board) -> list[tuple[str, str]]:
    """Pairs of a word and what it says; the sources of published rows come last, numbered."""
    return [*_what(board), *_line(board), *_spread(board), *_caveats(board), *_left_out(board), *_published(board)]


def _what(board: Board) -> Iterator[tuple[str, str]]:
    footer, counts = board.footer, board.footer.counts
    over = f"mean over {len(footer.categories)} categories of " if footer.categories else ""
    kinds = (
        "the mean of the kinds of anomaly" if board.aggregation == "mean_of_kinds" else "all anomalous images together"
    )
    yield "figure", f"{over}{kinds}"
    if counts:
        each = "in each category " if footer.categories else ""
        groups = f", {_span(counts.groups)} {footer.group}s" if counts.groups else ""
        yield "test", f"{each}{_span(counts.normal)} normal + {_span(counts.anomalous)} anomalous{groups}"
    if board.dataset_params:
        yield "data set", ", ".join(f"{key} {value}" for key, value in board.dataset_params.items())
    if footer.versions:
        yield "made by", f"{'; '.join(footer.versions)}; protocol version {board.protocol_version}"
    views = dict.fromkeys(row.origin.view for row in board.rows if isinstance(row.origin, Measured))
    if views:
        yield "view", ", ".join(views)


def _span(of: tuple[int, int]) -> str:
    return f"{of[0]:,}" if of[0] == of[1] else f"{of[0]:,}–{of[1]:,}"


def _line(board: Board) -> Iterator[tuple[str, str]]:
    footer = board.footer
    if footer.line is None or footer.line_value is None:
        return
    below = [row.name for row in board.rows if isinstance(row.origin, Measured) and row.origin.below_line]
    text = f"below it: {', '.join(below)}" if below else "no method measured here is below it"
    yield "line to beat", f"{figure_text(Cell(footer.line_value), board.ranked)}, {footer.line}; {text}"


def _spread(board: Board) -> Iterator[tuple[str, str]]:
    bounds = [cell.bounds for row in board.rows if (cell := row.cells[board.ranked.key]).bounds]
    for kind in ("interval", "range"):
        methods = dict.fromkeys(each.method for each in bounds if each and each.kind == kind)
        if methods:
            yield kind, " | ".join(methods)
    for reason in dict.fromkeys(each.missing for each in bounds if each and each.missing):
        yield "degenerate", str(reason)
    yield from _ties(board)


def _ties(board: Board) -> Iterator[tuple[str, str]]:
    footer, tied = board.footer, [row.name for row in board.rows if row.tied]
    if footer.reference is None:
        return
    how = footer.comparison or "their scores order the images alike"
    if tied:
        yield TIED, f"not separated at 5 % from {footer.reference}, the best measured here: {how}"
    elif footer.comparison:
        who = "row that was compared" if footer.untested else "other row measured here"
        yield "ties", f"no {who} is tied with {footer.reference} at 5 %: {how}"
    for reason, names in _by_text(footer.untested.items()).items():
        yield "not compared", f"{', '.join(names)} with {footer.reference}: {reason}"
    once = [row for row in board.rows if isinstance(row.origin, Measured) and row.origin.fewest_seeds == 1]
    if once and footer.comparison:
        which = "every row" if all(isinstance(r.origin, Reported) or r in once for r in board.rows) else "some rows"
        yield "seeds", f"{which} of one training, wholly or in part: these trained models are told apart, not methods"


def _by_text(said: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names by what is said of them, where anything is."""
    found: dict[str, list[str]] = {}
    for name, text in said:
        if text:
            found.setdefault(text, []).append(name)
    return found


def _caveats(board: Board) -> Iterator[tuple[str, str]]:
    said = [(row.name, row.origin.caveat) for row in board.rows if isinstance(row.origin, Measured)]
    for caveat, names in _by_text(said).items():
        yield "caveat", f"{', '.join(names)}: {caveat}"


def _left_out(board: Board) -> Iterator[tuple[str, str]]:
    footer = board.footer
    if footer.older:
        yield "left out", f"{_runs(footer.older)} of older code or repeated since; the newest code of a method counts"
    if footer.other_data:
        yield "left out", f"{_runs(footer.other_data)} on other files of a category than the newest"
    if footer.without:
        yield "left out", f"without {board.ranked.title}: {', '.join(footer.without)}"
    for failure in footer.failed:
        yield "no result", failure
    if footer.unmatched:
        n, why = footer.unmatched, "another protocol, another averaging, or in doubt; results/published.csv says which"
        yield "left out", f"{n} published figure{'s' * (n > 1)}: {why}"
    if any(column.unit != "share" for column in board.columns):
        yield "times", "of these runs on their devices, indicative; a shared stage counts for who trained it"


def _runs(n: int) -> str:
    return f"{n} run{'s' * (n != 1)}"


def _published(board: Board) -> Iterator[tuple[str, str]]:
    for number, source in enumerate(sources_of(board), 1):
        yield f"[{number}]", source
    if any(isinstance(row.origin, Reported) and row.origin.confidence != "high" for row in board.rows):
        yield DOUBTED, "medium confidence: read in another place than the publication itself"
    for note, names in _row_notes(board).items():
        yield "note", f"{', '.join(names)}: {note}"


def _row_notes(board: Board) -> dict[str, Sequence[str]]:
    found = _by_text((row.name, row.origin.note) for row in board.rows if isinstance(row.origin, Reported))
    return {note: names if len(names) <= 4 else [f"{len(names)} rows"] for note, names in found.items()}
