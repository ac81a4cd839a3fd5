"""How a method's scores lie: a histogram for each kind of image, and the threshold taken from normal images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.contracts import NORMAL
from bench.metrics.ranking import FloatArray
from bench.plots.canvas import canvas
from bench.plots.lettering import fitted, shortened, text_mm
from bench.plots.output import Drawing
from bench.plots.panels import columns_of, grid_of
from bench.plots.selection import Selection
from bench.plots.style import NORMAL_GREY, Width, looks, styled
from bench.records.saved import SavedRun

BINS = 40
_ROW_MM = 4.6
_TALLEST = 0.86  # of a row
_LINE_MM = 3.0  # a second line of the titles


@styled
def draw(width: Width, selection: Selection) -> Drawing:
    """A panel for each method, normal images on top; the lowest seed where there are several."""
    runs = selection.firsts
    kinds = kinds_of(selection.first)
    rows = -(-len(runs) // columns_of(width, len(runs)))
    scale = width.points / 7
    panel = max(26.0, _ROW_MM * len(kinds) + 12) * scale
    titles, spelled = _titles(width, runs)
    panel += _LINE_MM * scale * any("\n" in title for title in titles.values())
    figure = canvas(width, rows * panel, (), [*selection.notes, *_notes(list(runs.values())), *spelled])
    tables = []
    for axes, (name, run) in zip(grid_of(figure, width, len(runs), sharey=True), runs.items(), strict=True):
        axes.set_title(titles[name], loc="left")
        tables.append(_draw_run(axes, run, kinds).assign(method=name))
        axes.set_yticks(
            0.3 - np.arange(len(kinds)), [fitted(kind, 0.2 * width.mm, width.note_points) for kind in kinds]
        )
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
        axes.set(xlabel="Score", ylim=(-len(kinds) + 0.9, 1.0))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return Drawing(figure, pd.concat(tables, ignore_index=True))


def _titles(width: Width, runs: Mapping[str, SavedRun]) -> tuple[dict[str, str], list[str]]:
    """Name and AUROC, below one another where a line is too short; and the note that spells out numbered names."""
    room = 0.68 * width.mm / columns_of(width, len(runs))
    names = shortened(dict.fromkeys(runs, ""), room, width.points)
    aurocs = {name: f"AUROC {run.metrics.score.auroc:.3f}" for name, run in runs.items()}
    fits = all(text_mm(f"{name}, {auroc}", width.points) <= room for name, auroc in aurocs.items())
    return {name: names.shown[name] + (", " if fits else "\n") + aurocs[name] for name in runs}, names.notes


def kinds_of(run: SavedRun) -> list[str]:
    """Kinds of the test images: normal ones first, then by name."""
    label = run.scores.groupby("kind")["label"].max()
    return sorted(label.index, key=lambda kind: (label[kind] != NORMAL, kind))


def _notes(runs: Sequence[SavedRun]) -> list[str]:
    notes = ["Each row's histogram is scaled to the same height; percentages: share of the row above the threshold."]
    point = runs[0].metrics.operating_point
    if point is not None:
        quantile = runs[0].metrics.threshold_quantile
        notes.append(f"Dashed: threshold, the {quantile:.0%} quantile of the normal validation images.")
    return notes + ([f"Seed {runs[0].record.spec.seed}."] if len({run.record.spec.seed for run in runs}) == 1 else [])


def _draw_run(axes: Axes, run: SavedRun, kinds: Sequence[str]) -> pd.DataFrame:
    """Draw a row for each kind; the histograms' counts as rows of a table."""
    edges = bin_edges(run.score)
    styles = looks(kind for kind in kinds if _is_anomalous(run, kind))
    point = run.metrics.operating_point
    tables = []
    for row, kind in enumerate(kinds):
        values = run.score[(run.scores["kind"] == kind).to_numpy()]
        counts = np.histogram(values, edges)[0]
        colour = styles[kind].colour if kind in styles else NORMAL_GREY
        axes.stairs(counts / max(1, counts.max()) * _TALLEST - row, edges, baseline=-row, fill=True, color=colour)
        axes.axhline(-row, color="#d0d0d0", linewidth=0.4, zorder=0)
        if point is not None:
            _write_share(axes, row, float((values >= point.threshold).mean()))
        tables.append(pd.DataFrame({"kind": kind, "from": edges[:-1], "to": edges[1:], "images": counts}))
    if point is not None:
        axes.axvline(point.threshold, color="black", linestyle="--", linewidth=0.8)
    return pd.concat(tables).assign(threshold=point.threshold if point else None)


def _is_anomalous(run: SavedRun, kind: str) -> bool:
    return bool((run.scores.loc[run.scores["kind"] == kind, "label"] != NORMAL).any())


def _write_share(axes: Axes, row: int, share: float) -> None:
    axes.annotate(f"{share:.0%}", (1.0, -row + 0.1), xycoords=("axes fraction", "data"), ha="left", va="bottom",
                  fontsize=mpl.rcParams["ytick.labelsize"], annotation_clip=False)  # fmt: skip


def bin_edges(scores: FloatArray) -> FloatArray:
    """The same for all kinds, from the lowest to the highest score."""
    low, high = float(scores.min()), float(scores.max())
    return np.linspace(low, high if high > low else low + 1, BINS + 1)
