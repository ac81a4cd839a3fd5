"""Test images side by side with their annotation and with what each method redrew and marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.contracts import NORMAL, Sample
from bench.data.roots import Roots
from bench.errors import unknown_name
from bench.judging.heat import HeatScale
from bench.plots.canvas import canvas
from bench.plots.chosen_images import Pick, chosen_images
from bench.plots.lettering import fitted, shortened, text_mm
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import HEAT, Width, styled
from bench.records.pictures import StoredPictures
from bench.records.reopening import reopened
from bench.records.saved import SavedRun

INPUT, MASK, REDRAWN, RESIDUAL, OVERLAY = "input", "mask", "redrawn", "residual", "overlay"
OF_METHODS = (REDRAWN, RESIDUAL, OVERLAY)
TOP = 0.995
_CONTOUR = "#00E5FF"
_TALLEST_MM = 230.0
_LABEL_MM, _HEAD_MM = 22.0, 8.0


@dataclass(frozen=True)
class _Column:
    """A column of pictures; ``method`` is empty for the input and its mask."""

    head: str
    sort: str
    method: str = ""


@styled
def draw(
    width: Width,
    selection: Selection,
    images: Sequence[str] = (),
    pick: Pick = "first",
    panels: Sequence[str] = (),
    data_root: Roots = None,
) -> Drawing:
    """A row for each image, a column for each picture of it; the lowest seed of each method.

    ``panels``: which of ``OF_METHODS`` to show of each method; all of them for one method, overlays for several.
    Raises ``ConfigError`` where no method kept any, and ``DataError`` where the images are not there any more.
    """
    runs = {name: run for name, run in selection.firsts.items() if run.maps is not None or run.redrawn is not None}
    columns = _columns(selection, runs, panels)
    ids, rule = chosen_images(next(iter(runs.values())), images, pick)
    data = reopened(selection.first.record, data_root)
    samples = {sample.id: sample for sample in data.split.test}
    rows = [(samples[name], samples[name].read()) for name in ids]
    scales = {name: _scale(run, ids) for name, run in runs.items() if run.maps is not None}
    label = _label_mm(width, [sample for sample, _ in rows])
    cell = (width.mm - label) / len(columns)
    names = shortened(dict.fromkeys(runs, ""), 0.95 * cell, width.note_points)
    notes = [*selection.notes, rule, *_notes(selection, runs, columns), *names.notes]
    heights = _row_heights(width, cell, [image for _, image in rows])
    figure = canvas(width, sum(heights) + _HEAD_MM * width.points / 7, (), notes, close=True)
    widths = [label, *[cell] * len(columns)]
    grid = figure.subplots(len(rows), len(columns) + 1, squeeze=False, width_ratios=widths, height_ratios=heights)
    for places, (sample, image) in zip(grid, rows, strict=True):
        _name_row(places[0], width, label, sample)
        for axes, column in zip(places[1:], columns, strict=True):
            _show(axes, column, sample, image, runs.get(column.method), scales.get(column.method))
            if column.sort == MASK:
                draw_regions(axes, sample, line=min(0.7, cell / 40))
    for axes, column in zip(grid[0][1:], columns, strict=True):
        axes.set_title(f"{names.shown.get(column.method, '')}\n{column.head}".lstrip(), fontsize=width.note_points)
    return Drawing(figure, _table(rows, runs, scales))


def _columns(selection: Selection, runs: Mapping[str, SavedRun], panels: Sequence[str]) -> list[_Column]:
    if not runs:
        raise selection.without_maps("maps or redrawn images")
    for panel in panels:
        if panel not in OF_METHODS:
            raise unknown_name("panel", panel, OF_METHODS, "")
    wanted = tuple(panels) or (OF_METHODS if len(runs) == 1 else (OVERLAY,))
    of_methods = [_Column(panel, panel, name) for name, run in runs.items() for panel in wanted if _has(run, panel)]
    return [_Column("input", INPUT), _Column("annotation", MASK), *of_methods]


def _has(run: SavedRun, panel: str) -> bool:
    return (run.redrawn if panel == REDRAWN else run.maps) is not None


def _label_mm(width: Width, samples: Sequence[Sample]) -> float:
    """Room for the names of the rows: what the longest needs, within bounds."""
    widest = max(text_mm(line, width.note_points) for sample in samples for line in _label(sample))
    return min(widest + 3.0, _LABEL_MM * width.points / 7)


def _label(sample: Sample) -> list[str]:
    return [sample.kind] if sample.label != NORMAL else [sample.kind, "(normal)"]


def _row_heights(width: Width, cell: float, images: Sequence[NDArray[np.uint8]]) -> list[float]:
    """Millimetres of each row: as the columns' width makes the image, no higher than wide, and all within a page."""
    text = 3.2 * width.note_points * 25.4 / 72  # lines beside the row
    wanted = [max(cell * min(1.0, image.shape[0] / image.shape[1]) + 0.6, text) for image in images]
    return [height * min(1.0, _TALLEST_MM / sum(wanted)) for height in wanted]


def _scale(run: SavedRun, ids: Sequence[str]) -> HeatScale:
    """Up to the ``TOP`` quantile of the maps shown: one glaring pixel does not darken the rest."""
    return HeatScale.of([_picture(run.maps, name) for name in ids], TOP)


def _picture(pictures: StoredPictures | None, name: str) -> NDArray[Any]:
    assert pictures is not None
    return pictures[pictures.ids.index(name)]


def _show(
    axes: Axes, column: _Column, sample: Sample, image: NDArray[np.uint8], run: SavedRun | None, scale: HeatScale | None
) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if column.sort in (INPUT, MASK) or run is None:
        _show_image(axes, image)
    elif column.sort == REDRAWN:
        _show_image(axes, _picture(run.redrawn, sample.id))
    elif scale is not None:
        share = scale.share(_picture(run.maps, sample.id))
        if column.sort == OVERLAY:
            _show_image(axes, image)
        axes.imshow(share, cmap=HEAT, vmin=0, vmax=1, alpha=0.85 * share if column.sort == OVERLAY else None)


def _show_image(axes: Axes, image: NDArray[np.uint8]) -> None:
    axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)


def draw_regions(axes: Axes, sample: Sample, line: float = 0.7) -> int:
    """The outline of every annotated region, each on its own; returns how many there are."""
    regions = sample.regions or ()
    axes.autoscale(False)  # or the margin of the masks makes this panel's image smaller than its neighbours'
    for region in regions:
        mask = np.pad(region.read().astype(np.float64), 1)
        axes.contour(np.arange(-1, mask.shape[1] - 1), np.arange(-1, mask.shape[0] - 1), mask, levels=[0.5],
                     colors=_CONTOUR, linewidths=line)  # fmt: skip
    return len(regions)


def _name_row(axes: Axes, width: Width, label: float, sample: Sample) -> None:
    axes.axis("off")
    text = "\n".join(fitted(line, label - 1.5, width.note_points) for line in _label(sample))
    axes.text(0.95, 0.5, text, ha="right", va="center", fontsize=width.note_points, transform=axes.transAxes)


def _notes(selection: Selection, runs: Mapping[str, SavedRun], columns: Sequence[_Column]) -> list[str]:
    notes = []
    if any(column.sort in (RESIDUAL, OVERLAY) for column in columns):
        notes.append(f"Colours run from the lowest value to the {TOP:.1%} quantile of a method's maps shown here.")
    notes += [f"Seed {next(iter(runs.values())).record.spec.seed}."]
    without = [name for name in selection.runs if name not in runs]
    return notes + ([f"Without maps: {', '.join(without)}."] if without else [])


def _table(
    rows: Sequence[tuple[Sample, NDArray[np.uint8]]], runs: Mapping[str, SavedRun], scales: Mapping[str, HeatScale]
) -> pd.DataFrame:
    """One row for each image and method: its score, its map's extremes, and the ends of the method's colours."""
    return pd.DataFrame([
        {
            "id": sample.id, "kind": sample.kind, "label": sample.label, "regions": len(sample.regions or ()),
            "method": name, "score": float(run.score[run.scores["id"].tolist().index(sample.id)]),
            **_extremes(run, sample.id, scales.get(name)),
        }
        for sample, _ in rows
        for name, run in runs.items()
    ])  # fmt: skip


def _extremes(run: SavedRun, name: str, scale: HeatScale | None) -> dict[str, float]:
    if scale is None:
        return {}
    found = _picture(run.maps, name)
    return {"map_lowest": float(found.min()), "map_highest": float(found.max()),
            "colours_from": scale.low, "colours_to": scale.high}  # fmt: skip
