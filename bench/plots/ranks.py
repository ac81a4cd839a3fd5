"""Average ranks over data sets, after Demšar 2006: methods that a bar joins are not told apart."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.boards.shared_images import sets_of_images
from bench.errors import ConfigError
from bench.metrics.ranking import FloatArray
from bench.plots.canvas import canvas
from bench.plots.lettering import Names, shortened, text_mm
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, styled
from bench.statistics.ranks import Ranks, rank_methods

_LABEL_ROW, _BAR_ROW = 1.0, 0.55  # of a label's height
_GAP_MM = 1.5
_MOST_FOR_NAMES = 0.33  # of the width, on either side


@styled
def draw(width: Width, selections: Mapping[str, Selection]) -> Drawing:
    """The critical-difference diagram of mean AUROCs; raises ``ConfigError`` where a figure is missing."""
    methods = list(dict.fromkeys(name for selection in selections.values() for name in selection.runs))
    figures = _figures(selections, methods)
    ranks = rank_methods(figures, methods, list(selections), image_sets=sets_of_images(list(selections)))
    half = -(-len(methods) // 2)
    rows = 3.5 + _BAR_ROW * len(ranks.cliques) + _LABEL_ROW * half
    layout = _Layout.of(width, ranks)
    notes = [*_notes(ranks, selections), *layout.names.notes]
    figure = canvas(width, rows * 1.75 * width.points * 25.4 / 72, (), notes)
    _draw_diagram(figure.subplots(), layout, ranks, rows)
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
        listed = "\n".join(f"  {_command(name, label, selections)}" for name, label in missing)
        raise ConfigError(
            f"Every method needs a run on every data set. Missing:\n{listed}\nOr leave some out: --method."
        )
    return np.array([
        [np.mean([run.metrics.score.auroc for run in of.runs[name]]) for of in selections.values()] for name in methods
    ])  # fmt: skip


def _command(name: str, label: str, selections: Mapping[str, Selection]) -> str:
    """What makes on one data set the run that others have under that name."""
    run = next(of.runs[name][0] for of in selections.values() if name in of.runs)
    settings = sorted((run.record.settings or {}).items())
    words = ["bench", "run", "--method", run.record.spec.method, "--dataset", label]
    return shlex.join(words + [word for key, value in settings for word in ("--set", f"{key}={value}")])


def _notes(ranks: Ranks, selections: Mapping[str, Selection]) -> list[str]:
    datasets = ", ".join(of.dataset_with_marks for of in selections.values())
    notes = [f"Average rank of the AUROC, 1 is best; data sets: {datasets}."]
    if ranks.p_value is not None:
        notes.append(f"Friedman's test: p = {ranks.p_value:.2g}.")
    notes.append(f"CD: Nemenyi's critical difference at {ranks.level:.0%}, {ranks.critical_difference:.2f}.")
    return [*([ranks.descriptive] if ranks.descriptive else []), *notes]


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in ranks to the right and in rows downwards; the axis of ranks is row 0."""

    width: Width
    methods: int
    names_mm: float
    """Room for the names on either side of the axis."""
    names: Names
    """The methods' own."""

    @classmethod
    def of(cls, width: Width, ranks: Ranks) -> _Layout:
        widest = max(text_mm(f"{name}  00.00", width.points) for name in ranks.methods)
        room = min(widest + 2, _MOST_FOR_NAMES * width.mm)
        average = {name: f"  {rank:.2f}" for name, rank in zip(ranks.methods, ranks.average_ranks, strict=True)}
        return cls(width, len(ranks.methods), room, shortened(average, room - 1, width.points))

    @property
    def rank_mm(self) -> float:
        """Millimetres of one rank."""
        return (self.width.mm - 2 * self.names_mm - 4 * _GAP_MM) / (self.methods - 1)

    @property
    def margin(self) -> float:
        """Ranks on either side of the axis."""
        return (self.names_mm + _GAP_MM) / self.rank_mm


def _draw_diagram(axes: Axes, layout: _Layout, ranks: Ranks, rows: float) -> None:
    width, n = layout.width, layout.methods
    axes.set(xlim=(1 - layout.margin, n + layout.margin), ylim=(rows - 2.2, -2.2))
    axes.axis("off")
    ink: dict[str, Any] = {"color": "black", "linewidth": 0.8 * width.line, "solid_capstyle": "butt"}
    axes.plot([1, n], [0, 0], **ink)
    every = math.ceil(1.2 * text_mm("00", width.note_points) / layout.rank_mm)
    for tick in range(1, n + 1):
        axes.plot([tick, tick], [0, -0.25], **ink)
    for tick in range(1, n + 1, every):
        axes.text(tick, -0.35, str(tick), ha="center", va="bottom", fontsize=width.note_points)
    _draw_difference(axes, width, ranks, n)
    place = dict(zip(ranks.methods, ranks.average_ranks, strict=True))
    beyond = 0.6 / layout.rank_mm
    for row, clique in enumerate(ranks.cliques):
        ends = [place[clique[0]] - beyond, place[clique[-1]] + beyond]
        axes.plot(ends, [0.5 + row * _BAR_ROW] * 2, color="black", linewidth=2.6 * width.line, solid_capstyle="butt")
    _write_names(axes, layout, ranks, 0.5 + _BAR_ROW * len(ranks.cliques) + 0.6)


def _draw_difference(axes: Axes, width: Width, ranks: Ranks, n: int) -> None:
    """A line as long as the difference; where that is longer than the axis, an arrow and the length in words."""
    length, most = ranks.critical_difference, n - 1
    fits = length <= most
    end = 1 + min(length, most)
    style = "|-|,widthA=0.2,widthB=0.2" if fits else "->"
    line = {"arrowstyle": style, "linewidth": 0.8 * width.line, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end, -1.45), (1, -1.45), arrowprops=line)
    text = f"CD = {length:.2f}" if fits else f"CD = {length:.2f}, longer than the axis"
    axes.text((1 + end) / 2, -1.6, text, ha="center", va="bottom", fontsize=width.note_points)


def _write_names(axes: Axes, layout: _Layout, ranks: Ranks, top: float) -> None:
    """The better half at the left, the other at the right, each with an angled line to its rank."""
    n, gap = layout.methods, _GAP_MM / layout.rank_mm
    half = -(-n // 2)
    for i, (name, rank) in enumerate(zip(ranks.methods, ranks.average_ranks, strict=True)):
        is_left = i < half
        row = top + _LABEL_ROW * (i if is_left else n - 1 - i)
        edge = 1 - gap / 2 if is_left else n + gap / 2
        axes.plot([rank, rank, edge], [0, row, row], color="black", linewidth=0.5 * layout.width.line)
        short = layout.names.shown[name]
        label, side, ha = (f"{short}  {rank:.2f}", -1, "right") if is_left else (f"{rank:.2f}  {short}", 1, "left")
        axes.text(edge + side * gap / 2, row, label, ha=ha, va="center")
