"""ROC curves, linear and with a logarithmic axis: what happens where few normal images are called anomalous."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

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
from bench.plots.lines import Line
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, plain_log, styled

_GRID = np.unique(np.concatenate([np.linspace(0, 1, 201), np.geomspace(1e-4, 1, 200)]))


def roc_line(labels: IntArray, scores: FloatArray, weights: FloatArray) -> Line:
    """``(K + 1,)`` points for K distinct scores; the area by trapezoids is the AUROC, ties counted half.

    ``weights``: how often each image counts; every class needs some.
    """
    distinct, place = np.unique(-scores, return_inverse=True)
    found, false = (
        np.cumsum(np.bincount(place, weights=weights * (labels == label), minlength=len(distinct))) for label in (1, 0)
    )
    return Line(np.concatenate([[0.0], false / false[-1]]), np.concatenate([[0.0], found / found[-1]]))


@styled
def draw(width: Width, selection: Selection) -> Drawing:
    """A line for each method, best AUROC first in the legend; the CSV's area equals the record's AUROC."""
    curves, styles = best_first([_curve(selection, name) for name in selection.runs]), looks_of(selection)
    note = band_note(curves, "AUROC", has_intervals=True)
    figure = canvas(
        width,
        (0.5 if width.mm < 100 else 0.4) * width.mm,
        legend_of(curves, selection, styles),
        [*selection.notes, note, *alike_note(curves, selection)],
    )
    linear, logarithmic = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    lowest = 1 / _normal_images(selection)
    for axes in (linear, logarithmic):
        draw_curves(axes, curves, styles)
        axes.set(xlabel="False positive rate", ylim=(-0.01, 1.01))
    _chance(linear, logarithmic, lowest)
    linear.set(ylabel="True positive rate", xlim=(-0.01, 1.01))
    plain_log(logarithmic)
    logarithmic.set(xlim=(lowest, 1), xlabel="False positive rate (log)")
    return Drawing(figure, table_of(curves, "fpr", "tpr"))


def _curve(selection: Selection, name: str) -> MethodCurve:
    runs = selection.runs[name]
    scores = [run.metrics.score for run in runs]
    return curve_of_method(name, runs, roc_line, _GRID, [s.auroc for s in scores], scores[0].auroc_interval)


def _normal_images(selection: Selection) -> int:
    return max(2, int((selection.first.labels == 0).sum()))


def _chance(linear: Axes, logarithmic: Axes, lowest: float) -> None:
    for axes, x in ((linear, np.array([0.0, 1.0])), (logarithmic, np.geomspace(lowest, 1, 100))):
        axes.plot(x, x, color="#b0b0b0", linewidth=0.6, zorder=0)
