"""Curves as points with straight lines between them, jumps included: their means, limits and bands.

A jump is two points at the same x. The mean of several curves at an x is the mean of their values there, just before
and just after every jump, so the area under a mean is the mean of the areas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.contracts import NORMAL
from bench.metrics.ranking import FloatArray, IntArray
from bench.metrics.resampling import GroupBootstrap
from bench.records.saved import SavedRun

RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Line:
    """``x`` ``(K,)`` never falls."""

    x: FloatArray
    y: FloatArray

    def area(self) -> float:
        """Under the line, by trapezoids."""
        return float(np.trapezoid(self.y, self.x))

    def limits(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values just before and just after each of ``at``, which lie within the line."""
        first = np.searchsorted(self.x, at, side="left")
        last = np.searchsorted(self.x, at, side="right") - 1
        between = first > last  # no point there: on the straight line from point ``last`` to point ``first``
        left, right = np.maximum(last, 0), np.minimum(first, len(self.x) - 1)
        run = np.where(between, self.x[right] - self.x[left], 1)
        share = np.where(between, (at - self.x[left]) / run, 0)
        on_line = self.y[left] + share * (self.y[right] - self.y[left])
        return np.where(between, on_line, self.y[right]), np.where(between, on_line, self.y[left])


Curve = Callable[[IntArray, FloatArray, FloatArray], Line]
"""Labels, scores and weights ``(N,)`` -> a line from 0 to 1."""


@dataclass(frozen=True)
class Band:
    """``x`` ``(K,)`` with the lowest and the highest value there."""

    x: FloatArray
    low: FloatArray
    high: FloatArray


def stacked(lines: Sequence[Line]) -> tuple[FloatArray, FloatArray]:
    """Every x where any line has a point, twice, ``(2K,)``; and all lines' values before and after, ``(lines, 2K)``."""
    grid = np.unique(np.concatenate([line.x for line in lines]))
    values = [np.stack(line.limits(grid), axis=1).ravel() for line in lines]
    return np.repeat(grid, 2), np.stack(values)


def mean_line(lines: Sequence[Line]) -> Line:
    """Their mean; a single line stays as it is."""
    if len(lines) == 1:
        return lines[0]
    x, values = stacked(lines)
    return Line(x, values.mean(axis=0))


def range_band(lines: Sequence[Line]) -> Band:
    """From the lowest to the highest of several lines."""
    x, values = stacked(lines)
    return Band(x, values.min(axis=0), values.max(axis=0))


def line_of_run(run: SavedRun, curve: Curve) -> Line:
    """A run's curve: of all its test images, or the mean over the kinds where that is the data set's own figure."""
    return _drawer(run, curve)(np.ones(len(run.labels)))


def _drawer(run: SavedRun, curve: Curve) -> Callable[[FloatArray], Line]:
    """The run's curve as a function of how often each image counts, ``(N,)``."""
    labels, scores, classes = run.labels, run.score, classes_of(run)
    parts = [np.flatnonzero((classes == 0) | (classes == kind)) for kind in range(1, classes.max() + 1)]

    def line(weights: FloatArray) -> Line:
        return mean_line([curve(labels[part], scores[part], weights[part]) for part in parts])

    return line


def classes_of(run: SavedRun) -> IntArray:
    """``(N,)``: 0 for normal images; 1 for the others, or each kind's own number where kinds are averaged."""
    metrics = run.record.metrics
    if metrics is None or not metrics.is_mean_of_kinds:
        return run.labels
    names = sorted({kind for kind, label in zip(run.scores["kind"], run.labels, strict=True) if label != NORMAL})
    number = {name: i for i, name in enumerate(names, 1)}
    return np.array([number.get(kind, 0) if label != NORMAL else 0
                     for kind, label in zip(run.scores["kind"], run.labels, strict=True)], dtype=np.int64)  # fmt: skip


def bootstrap_band(run: SavedRun, curve: Curve, grid: FloatArray) -> tuple[Band, str]:
    """At each x of the grid what the middle 95 % of resampled curves span, and the name of the bootstrap.

    Groups are drawn again as for the record's interval; images where there are none.
    """
    bootstrap = GroupBootstrap(classes_of(run), run.groups, RESAMPLES, seed=0)
    line = _drawer(run, curve)
    drawn = [line(weights).limits(grid)[1] for block in bootstrap.weights() for weights in block.T.astype(np.float64)]
    low, high = np.quantile(np.stack(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    grouped = len({group for group in run.groups if group is not None}) > 0
    unit = run.record.facts.get("group", "group") if grouped else "image"
    return Band(grid, low, high), f"bootstrap of {unit}s"
