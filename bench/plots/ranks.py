"""Average ranks over data sets, after Demšar 2006: methods that a bar joins are not told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.errors import ConfigError
from bench.metrics.ranking import FloatArray
from bench.plots.canvas import canvas, fitted
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, styled
from bench.statistics.ranks import Ranks, rank_methods

_LABEL_ROW, _BAR_ROW = 1.0, 0.55  # of a label's height


@styled
def draw(width: Width, selections: Mapping[str, Selection]) -> Drawing:
    """The critical-difference diagram of mean AUROCs; raises ``ConfigError`` where a figure is missing."""
    methods = list(dict.fromkeys(name for selection in selections.values() for name in selection.runs))
    figures = _figures(selections, methods)
    ranks = rank_methods(figures, methods, list(selections))
    half = -(-len(methods) // 2)
    rows = 3.2 + _BAR_ROW * len(ranks.cliques) + _LABEL_ROW * half
    figure = canvas(width, rows * 1.75 * width.points * 25.4 / 72, (), _notes(ranks, selections))
    axes = figure.subplots()
    _draw_diagram(axes, width, ranks, rows)
    table = pd.DataFrame(figures, columns=list(selections), index=pd.Index(methods, name="method"))
    average = dict(zip(ranks.methods, ranks.average_ranks, strict=True))
    table.insert(0, "average_rank", [average[name] for name in methods])
    return Drawing(figure, table.sort_values("average_rank", kind="stable").reset_index())


def _figures(selections: Mapping[str, Selection], methods: Sequence[str]) -> FloatArray:
    """``(methods, data sets)`` AUROCs, the mean over the seeds."""
    if len(methods) < 2 or len(selections) < 2:
        raise ConfigError(
            f"Ranks need two methods on two data sets; these records give {', '.join(methods)} on"
            f" {', '.join(selections)}. Run more: bench run --method … --dataset …"
        )
    missing = [(name, label) for label, of in selections.items() for name in methods if name not in of.runs]
    if missing:
        listed = "\n".join(f"  bench run --method {name} --dataset {label}" for name, label in missing)
        raise ConfigError(f"Every method needs a run on every data set. Missing:\n{listed}\nOr leave some out: --method.")
    return np.array([
        [np.mean([run.metrics.score.auroc for run in of.runs[name]]) for of in selections.values()] for name in methods
    ])  # fmt: skip


def _notes(ranks: Ranks, selections: Mapping[str, Selection]) -> list[str]:
    marks = dict.fromkeys(mark for of in selections.values() for mark in of.first.record.marks())
    head = f"Average rank of the AUROC over {ranks.datasets} data sets ({', '.join(selections)})"
    notes = [f"{head}{': ' if marks else ''}{', '.join(marks)}. Rank 1 is best."]
    if ranks.p_value is not None:
        notes.append(f"Friedman's test: p = {ranks.p_value:.2g}.")
    notes.append(f"CD: Nemenyi's critical difference at {ranks.level:.0%}, {ranks.critical_difference:.2f}.")
    return [*([ranks.descriptive] if ranks.descriptive else []), *notes]


def _draw_diagram(axes: Axes, width: Width, ranks: Ranks, rows: float) -> None:
    """Rows count downwards from the axis of ranks at 0; the critical difference lies above it."""
    n = len(ranks.methods)
    margin = 0.36 * (n - 1)  # on either side, for the names
    axes.set(xlim=(1 - margin, n + margin), ylim=(rows - 1.9, -1.9))
    axes.axis("off")
    ink: dict[str, object] = {"color": "black", "linewidth": 0.8 * width.line, "solid_capstyle": "butt"}
    axes.plot([1, n], [0, 0], **ink)
    for tick in range(1, n + 1):
        axes.plot([tick, tick], [0, -0.25], **ink)
        axes.text(tick, -0.35, str(tick), ha="center", va="bottom", fontsize=width.note_points)
    _draw_difference(axes, width, ranks, n)
    for row, clique in enumerate(ranks.cliques):
        place = dict(zip(ranks.methods, ranks.average_ranks, strict=True))
        ends = [place[clique[0]] - 0.04, place[clique[-1]] + 0.04]
        axes.plot(ends, [0.5 + row * _BAR_ROW] * 2, color="black", linewidth=2.6 * width.line, solid_capstyle="butt")
    _write_names(axes, width, ranks, 0.5 + _BAR_ROW * len(ranks.cliques) + 0.6)


def _draw_difference(axes: Axes, width: Width, ranks: Ranks, n: int) -> None:
    """A line as long as the difference; longer than the axis, it ends in an arrow and its length stands beside it."""
    length, most = ranks.critical_difference, n - 1
    fits = length <= most
    end = 1 + min(length, most)
    axes.annotate("", (end, -1.35), (1, -1.35), arrowprops={"arrowstyle": "|-|,widthA=0.2,widthB=0.2" if fits else "->",
                  "linewidth": 0.8 * width.line, "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    text = f"CD = {length:.2f}" if fits else f"CD = {length:.2f}, longer than the axis"
    axes.text((1 + end) / 2, -1.45, text, ha="center", va="bottom", fontsize=width.note_points)


def _write_names(axes: Axes, width: Width, ranks: Ranks, top: float) -> None:
    """The better half at the left, the other at the right, each with an angled line to its rank."""
    n = len(ranks.methods)
    half = -(-n // 2)
    margin = 0.36 * (n - 1)
    room = 0.36 / 1.72 * width.mm * 0.95
    for i, (name, rank) in enumerate(zip(ranks.methods, ranks.average_ranks, strict=True)):
        is_left = i < half
        row = top + _LABEL_ROW * (i if is_left else n - 1 - i)
        edge = 1 - 0.06 * margin if is_left else n + 0.06 * margin
        axes.plot([rank, rank, edge], [0, row, row], color="black", linewidth=0.5 * width.line)
        label = fitted(f"{name}  {rank:.2f}" if is_left else f"{rank:.2f}  {name}", room, width.points)
        axes.text(edge + (-0.03 if is_left else 0.03) * margin, row, label, ha="right" if is_left else "left", va="center")
