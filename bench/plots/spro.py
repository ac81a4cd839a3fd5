"""Curves of sPRO over the false positive rate of pixels, exact: from a run's maps and the data set's annotations.

Between two neighbouring map values of defect pixels the sPRO stays as it is and the rate grows; at such a value the
curve rises in a straight line from the rate above it to the rate at or above it (see ``bench.metrics.regions``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.contracts import Sample
from bench.data.opening import OpenedDataset
from bench.data.roots import Roots
from bench.errors import DataError
from bench.judging.pixel_evaluation import pixel_images
from bench.metrics.passes import PixelImage, read_defects, read_normal_pixels
from bench.metrics.pixels import sinks_of
from bench.metrics.pools import LIMITS, Kind, Pool
from bench.metrics.ranking import FloatArray
from bench.plots.canvas import canvas
from bench.plots.curves import MethodCurve, alike_note, best_first, draw_curves, legend_of, looks_of, table_of, text_of
from bench.plots.lines import Band, Line, mean_line, range_band
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, styled
from bench.records.reopening import reopened
from bench.records.saved import SavedRun

LIMIT = 0.05
"""Of the area in the legend."""
SHOWN = 0.3
"""The false positive rate at which the figure and its CSV end."""
_PIECES = 2000


@styled
def draw(width: Width, selection: Selection, data_root: Roots = None) -> Drawing:
    """A line for each method with maps; the area under the CSV up to a limit, divided by it, is the record's figure."""
    measured = {name: runs for name, runs in selection.runs.items() if all(_has_maps(run) for run in runs)}
    if not measured:
        raise selection.without_maps("measured maps")
    data = reopened(selection.first.record, data_root)
    curves = best_first([_curve(name, runs, data) for name, runs in measured.items()])
    styles = looks_of(selection)
    figure = canvas(
        width, min(0.62 * width.mm, 95.0), legend_of(curves, selection, styles), _notes(selection, curves, measured)
    )
    axes = figure.subplots()
    axes.axvline(LIMIT, color="#b0b0b0", linewidth=0.6, zorder=0)
    draw_curves(axes, curves, styles)
    word = "sPRO" if _has_rules(selection) else "PRO"
    axes.set(xlabel="False positive rate of pixels", ylabel=f"Mean {word}", xlim=(0, SHOWN), ylim=(0, 1.01))
    return Drawing(figure, table_of(curves, "fpr", "spro"))


def _has_maps(run: SavedRun) -> bool:
    return run.metrics.pixel is not None and run.maps is not None


def _has_rules(selection: Selection) -> bool:
    return any(run.metrics.pixel.has_saturation_rules for run in selection.firsts.values() if run.metrics.pixel)


def _notes(selection: Selection, curves: Sequence[MethodCurve], measured: dict[str, Sequence[SavedRun]]) -> list[str]:
    several = any(len(curve.seeds) > 1 for curve in curves)
    notes = [f"Legend: AU-sPRO up to {LIMIT} (grey line) [95% interval of the record]"]
    notes[0] += " or (mean and range of seeds). Bands: range of the seeds." if several else "."
    if not _has_rules(selection):
        notes.append("No saturation rules: every connected component is due whole.")
    notes += alike_note(curves, selection)
    without = [name for name in selection.runs if name not in measured]
    return [*selection.notes, *notes, *([f"Without maps: {', '.join(without)}."] if without else [])]


def _curve(name: str, runs: Sequence[SavedRun], data: OpenedDataset) -> MethodCurve:
    seeds = tuple((run.record.spec.seed, thinned(spro_line(run, data), SHOWN)) for run in runs)
    lines = [line for _, line in seeds]
    found = [run.metrics.pixel.headline.au_spro[str(LIMIT)] for run in runs if run.metrics.pixel]
    areas = [figure.value for figure in found]
    band = range_band(lines) if len(lines) > 1 else Band(*[np.empty(0)] * 3)
    return MethodCurve(
        name,
        seeds,
        mean_line(lines),
        band,
        "range of the seeds",
        float(np.mean(areas)),
        text_of(areas, found[0].interval),
    )


def spro_line(run: SavedRun, data: OpenedDataset) -> Line:
    """From rate 0 to 1; the mean over the kinds' own curves where that is the data set's figure."""
    maps = run.maps
    assert maps is not None
    place = {name: i for i, name in enumerate(maps.ids)}
    test = data.split.test
    _require_maps(run, test, place)
    return line_of_images(pixel_images(test, lambda i: maps[place[test[i].id]]), data.dataset.kinds_are_averaged)


def line_of_images(images: Sequence[PixelImage], average: bool) -> Line:
    """The curve of all images together, or the mean of the curves of each kind with the normal images."""
    annotated = read_defects(images, _silent)
    kinds = [Kind(name, annotated) for name in sorted({a.kind for a in annotated})]
    no_grid = np.array([np.inf], dtype=np.float32)
    read_normal_pixels(images, annotated, sinks_of(kinds, average), no_grid, None, _silent)
    pools = [Pool.of(kind) for kind in kinds] if average else [Pool.of_all(kinds)]
    return mean_line([thinned(line_of_pool(pool)) for pool in pools] if average else [line_of_pool(pools[0])])


def _silent() -> None:
    pass


def _require_maps(run: SavedRun, test: Sequence[Sample], place: dict[str, int]) -> None:
    absent = [sample.id for sample in test if sample.id not in place]
    if absent:
        raise DataError(f"{run.name} kept no map of {len(absent)} test images, the first {absent[0]}. Repeat the run.")


def line_of_pool(pool: Pool) -> Line:
    """The exact curve: two points for each distinct map value of a defect pixel, and the ends."""
    values, low, high, gains = (np.concatenate(parts) for parts in zip(*_steps(pool), strict=True))
    distinct, first, place = np.unique(-values, return_index=True, return_inverse=True)
    found = np.cumsum(np.bincount(place, weights=gains, minlength=len(distinct)))
    before = np.concatenate([[0.0], found[:-1]])
    x = np.stack([low[first], high[first]], axis=1).ravel()
    y = np.stack([before, found], axis=1).ravel()
    return Line(np.concatenate([[0.0], x, [1.0]]), np.concatenate([[0.0], y, [found[-1]]]))


def _steps(pool: Pool) -> list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
    """For each kind its due pixels' values, the rates above and at or above them, and what each adds to the mean."""
    defects = sum(len(kind.defects) for kind in pool.kinds)
    steps = []
    for kind, normal in zip(pool.kinds, pool.normal, strict=True):
        due = np.concatenate([defect.due for _, defect in kind.defects])
        gains = np.concatenate([np.full(len(d.due), 1 / (len(d.due) * defects)) for _, d in kind.defects])
        place = np.searchsorted(normal.values, due)
        low, high = (counts[place] / normal.total for counts in (normal.above(), normal.reaching()))
        steps.append((due.astype(np.float64), low, high, gains))
    return steps


def thinned(line: Line, end: float = 1.0, pieces: int = _PIECES) -> Line:
    """A few thousand points for millions, up to ``end``; the area up to every limit of ``LIMITS`` stays exact.

    The curve is cut into pieces of about equal length. Each becomes two straight lines whose corner lies where they
    have the piece's own area.
    """
    if len(line.x) <= 4 * pieces and end == line.x[-1]:
        return line
    whole = _with_points_at(line, [limit for limit in (*LIMITS, end) if 0 < limit < line.x[-1]])
    inside = whole.x <= end
    x, y = whole.x[inside], whole.y[inside]
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) / end + np.abs(np.diff(y)))])
    cuts = np.searchsorted(length, np.linspace(0, length[-1], pieces + 1))
    limits = [np.searchsorted(x, limit, side="left") for limit in LIMITS if limit <= end]
    keep = np.unique(np.concatenate([cuts.clip(max=len(x) - 1), limits, [0, len(x) - 1]]).astype(np.int64))
    area = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])
    return _with_corners(x[keep], y[keep], np.diff(area[keep]))


def _with_points_at(line: Line, at: Sequence[float]) -> Line:
    """The same line with a point at each of ``at``."""
    new = np.unique([x for x in at if x not in line.x])
    where = np.searchsorted(line.x, new)
    return Line(np.insert(line.x, where, new), np.insert(line.y, where, line.limits(new)[0])) if len(new) else line


def _with_corners(x: FloatArray, y: FloatArray, areas: FloatArray) -> Line:
    """Between neighbours a corner on the other diagonal of their box, where the area below is as given."""
    dx, dy = np.diff(x), np.diff(y)
    box = dx * dy
    share = np.divide(dx * y[1:] - areas, box, out=np.full(len(box), 0.5), where=box > 0).clip(0, 1)
    corners = np.stack([x[:-1] + share * dx, y[1:] - share * dy], axis=1)
    points = np.insert(np.stack([x, y], axis=1), np.arange(1, len(x)), corners, axis=0)
    return Line(points[:, 0], points[:, 1])
