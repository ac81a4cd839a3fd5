"""What ROC and precision-recall figures share: a line for each method, its band, its label, and the rows of the CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.metrics.ranking import FloatArray
from bench.metrics.resampling import Interval
from bench.plots.canvas import Entry, line_entry
from bench.plots.lines import (
    LEVEL,
    RESAMPLES,
    Band,
    Curve,
    Line,
    bootstrap_band,
    line_of_run,
    mean_line,
    range_band,
    stacked,
)
from bench.plots.selection import Selection
from bench.plots.style import LINES, TRIVIAL_GREY, Look, looks
from bench.records.saved import SavedRun


@dataclass(frozen=True)
class MethodCurve:
    """A method's curve as it is drawn."""

    method: str
    seeds: tuple[tuple[int, Line], ...]
    line: Line
    """The mean over the seeds."""
    band: Band
    band_is: str
    figure: float
    """What the figure ranks by, from the record; with several seeds their mean."""
    figures: str
    """That figure and its interval or range, for the legend."""


def curve_of_method(
    name: str, runs: Sequence[SavedRun], curve: Curve, grid: FloatArray, figures: Sequence[float],
    interval: Interval | None,
) -> MethodCurve:  # fmt: skip
    """``figures``: one of each seed, from the records; ``interval``: of the only seed."""
    seeds = tuple((run.record.spec.seed, line_of_run(run, curve)) for run in runs)
    lines = [line for _, line in seeds]
    band, band_is = (range_band(lines), "range of the seeds") if len(runs) > 1 else bootstrap_band(runs[0], curve, grid)
    return MethodCurve(
        name, seeds, mean_line(lines), band, band_is, float(np.mean(figures)), text_of(figures, interval)
    )


def text_of(figures: Sequence[float], interval: Interval | None) -> str:
    """``0.873 [0.810, 0.920]`` of one seed, ``0.873 (0.861–0.884, 3 seeds)`` of several."""
    several = len(figures) > 1
    return f"{np.mean(figures):.3f}" + (
        spread_text(min(figures), max(figures), len(figures)) if several else interval_text(interval)
    )


def spread_text(low: float, high: float, seeds: int) -> str:
    return f" ({low:.3f}–{high:.3f}, {seeds} seeds)"


def interval_text(interval: Interval | None) -> str:
    """Nothing where none is computed; said where there cannot be one."""
    if interval is None:
        return ""
    return " [no interval]" if interval.low is None else f" [{interval.low:.3f}, {interval.high:.3f}]"


def looks_of(selection: Selection) -> dict[str, Look]:
    """Methods in their order: the same list gives the same colours in every figure."""
    return dict(looks(selection.runs, selection.trivial))


def best_first(curves: Sequence[MethodCurve]) -> list[MethodCurve]:
    return sorted(curves, key=lambda curve: (-curve.figure, curve.method))


def draw_curves(axes: Axes, curves: Sequence[MethodCurve], styles: dict[str, Look]) -> None:
    """Bands below; of the lines the baselines first, and dotted ones over whole ones, which would hide them."""
    faint = 0.18 if len(curves) <= 4 else 0.08
    below_first = sorted(curves, key=lambda curve: (*_place(styles[curve.method]), curve.figure))
    for curve in below_first:
        look = styles[curve.method]
        axes.fill_between(curve.band.x, curve.band.low, curve.band.high, color=look.colour, alpha=faint, linewidth=0)
    for curve in below_first:
        look = styles[curve.method]
        axes.plot(curve.line.x, curve.line.y, color=look.colour, linestyle=look.line)


def _place(look: Look) -> tuple[bool, int]:
    return look.colour != TRIVIAL_GREY, LINES.index(look.line)


def alike_note(curves: Sequence[MethodCurve], selection: Selection) -> list[str]:
    """Names the methods of which one line covers another's."""
    groups: list[list[MethodCurve]] = []
    for curve in curves:
        for group in groups:
            if _is_same(group[0].line, curve.line):
                group.append(curve)
                break
        else:
            groups.append([curve])
    several = [" and ".join(selection.title(curve.method) for curve in group) for group in groups if len(group) > 1]
    return [f"The same line: {'; '.join(several)}."] if several else []


def _is_same(a: Line, b: Line) -> bool:
    _, (values_a, values_b) = stacked([a, b])
    return bool(np.allclose(values_a, values_b, rtol=0, atol=1e-9))


def legend_of(curves: Sequence[MethodCurve], selection: Selection, styles: dict[str, Look]) -> list[Entry]:
    return [line_entry(selection.title(curve.method), styles[curve.method], curve.figures) for curve in curves]


def band_note(curves: Sequence[MethodCurve], figure: str, has_intervals: bool) -> str:
    """What the numbers in the legend and the bands are."""
    parts = [f"Legend: {figure}{_legend_note(curves, has_intervals)}."]
    sorts = dict.fromkeys(curve.band_is for curve in curves)
    pointwise = f"pointwise {LEVEL:.0%}, {RESAMPLES} resamples"
    named = [f"{sort} ({pointwise})" if sort.startswith("bootstrap") else sort for sort in sorts]
    return " ".join([*parts, f"Bands: {', '.join(named)}."])


def _legend_note(curves: Sequence[MethodCurve], has_intervals: bool) -> str:
    several = any(len(curve.seeds) > 1 for curve in curves)
    one = has_intervals and any(len(curve.seeds) == 1 for curve in curves)
    notes = ([f"[{LEVEL:.0%} interval of the record]"] if one else []) + (
        ["(mean and range of seeds)"] if several else []
    )
    return " " + " or ".join(notes) if notes else ""


def table_of(curves: Sequence[MethodCurve], x: str, y: str) -> pd.DataFrame:
    """One row for each point: ``method``, ``curve`` (``seed 0``, ``mean``, ``band``), x, y, and the band's ends."""
    parts = []
    for curve in curves:
        lines = [(f"seed {seed}", line) for seed, line in curve.seeds]
        lines += [("mean", curve.line)] if len(lines) > 1 else []
        parts += [_rows(curve.method, name, {x: line.x, y: line.y}) for name, line in lines]
        band = curve.band
        parts.append(_rows(curve.method, "band", {x: band.x, "low": band.low, "high": band.high}))
    return pd.concat(parts, ignore_index=True)


def _rows(method: str, name: str, columns: dict[str, FloatArray]) -> pd.DataFrame:
    return pd.DataFrame({"method": method, "curve": name, **columns})
