"""From a request on the command line to a file: choose the runs, draw, write, say what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec

from bench.errors import StoreError
from bench.plots.output import Drawing, require_writable_kind, save
from bench.plots.request import FigureRequest
from bench.plots.selection import Selection, select, select_each
from bench.plots.style import MM, Width, width_named
from bench.progress import reporter
from bench.records.store import RecordStore

P = ParamSpec("P")

PAGE_MM = 247
"""Height of the text on most journals' pages."""


def draw(
    figure: Callable[Concatenate[Width, Selection, P], Drawing],
    request: FigureRequest,
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """A figure of one data set's runs; raises ``ConfigError``, ``StoreError`` or ``DataError``."""
    width = _width(request)
    selection = select(RecordStore(request.results), request.wanted, _say_damage)
    _say_older([selection])
    _write(figure(width, selection, *args, **kwargs), request.out, width)


def draw_over_datasets(
    figure: Callable[Concatenate[Width, dict[str, Selection], P], Drawing],
    request: FigureRequest,
    *args: P.args,
    **kwargs: P.kwargs,
) -> None:
    """A figure over several data sets, each with its own selection."""
    width = _width(request)
    selections = select_each(RecordStore(request.results), request.wanted, _say_damage)
    _say_older(list(selections.values()))
    _write(figure(width, selections, *args, **kwargs), request.out, width)


def _width(request: FigureRequest) -> Width:
    """Raises ``ConfigError`` before anything is read, for a name of the file or of the width."""
    require_writable_kind(request.out)
    return width_named(request.width)


def _say_damage(error: StoreError) -> None:
    reporter().say(f"Left out: {error}")


def _say_older(selections: list[Selection]) -> None:
    older = [run for selection in selections for run in selection.older]
    if older:
        listed = ", ".join(f"{run.name} ({run.record.key[:8]})" for run in older[:5])
        reporter().say(f"Left out {len(older)} older versions of the same runs: {listed}{', …' * (len(older) > 5)}")


def _write(drawing: Drawing, out: Path, width: Width) -> None:
    height = drawing.figure.get_size_inches()[1] / MM
    if height > PAGE_MM:
        reporter().say(
            f"This figure is {height:.0f} mm high, more than a page: take fewer methods, or a wider --width."
        )
    for file in save(drawing, out, width):
        print(file)
