"""Precision-recall curves as steps, nothing interpolated: the area under one is the average precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.metrics.ranking import FloatArray, IntArray
from bench.plots.canvas import canvas
from bench.plots.curves import (
    MethodCurve,
    alike_note,
    band_note,
    best_first,
    curve_of_method,
    draw_curves,
    legend_of,
    looks_of,
    table_of,
)
from bench.plots.lines import Line, classes_of
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, styled
from bench.records.saved import SavedRun

_GRID = np.linspace(0, 1, 201)


def pr_line(labels: IntArray, scores: FloatArray, weights: FloatArray) -> Line:
    """Precision over recall: at each of K distinct scores its precision holds from the recall before to its own."""
    distinct, place = np.unique(-scores, return_inverse=True)
    found, called = (
        np.cumsum(np.bincount(place, weights=weights * chosen, minlength=len(distinct)))
        for chosen in (labels == 1, np.ones(len(labels)))
    )
    precision = np.divide(found, called, out=np.ones_like(found), where=called > 0)
    recall = found / found[-1]
    before = np.concatenate([[0.0], recall[:-1]])
    return Line(np.stack([before, recall], axis=1).ravel(), np.repeat(precision, 2))


@styled
def draw(width: Width, selection: Selection) -> Drawing:
    """A line for each method, best average precision first in the legend."""
    curves, styles = best_first([_curve(selection, name) for name in selection.runs]), looks_of(selection)
    share = prevalence(selection.first)
    notes = [*selection.notes, band_note(curves, "average precision", has_intervals=False)]
    notes += alike_note(curves, selection)
    notes.append(f"Grey: share of anomalous images, {share:.3f}, which is the precision of chance.")
    figure = canvas(width, min(0.62 * width.mm, 95.0), legend_of(curves, selection, styles), notes)
    axes = figure.subplots()
    axes.axhline(share, color="#b0b0b0", linewidth=0.6, zorder=0)
    draw_curves(axes, curves, styles)
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(-0.01, 1.01), ylim=(_lowest(curves, share), 1.01))
    return Drawing(figure, table_of(curves, "recall", "precision"))


def _lowest(curves: Sequence[MethodCurve], share: float) -> float:
    """Where the axis of precision begins: a little below the lowest curve and band."""
    lowest = min(share, *(float(y.min()) for curve in curves for y in (curve.line.y, curve.band.low)))
    return max(0.0, lowest - 0.08 * (1 - lowest)) - 0.01


def _curve(selection: Selection, name: str) -> MethodCurve:
    runs = selection.runs[name]
    return curve_of_method(name, runs, pr_line, _GRID, [run.metrics.score.average_precision for run in runs], None)


def prevalence(run: SavedRun) -> float:
    """Share of anomalous images, the mean over the kinds where the figures are means over them."""
    classes = classes_of(run)
    normal, *kinds = np.bincount(classes)
    return float(np.mean([count / (count + normal) for count in kinds]))
