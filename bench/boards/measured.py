"""Rows of our own: the mean over seeds, then over categories, and how far it may be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bench.boards.measures import Measure, Reading
from bench.boards.model import Bounds, Cell, Measured
from bench.boards.paired import (
    classes_of,
    has_enough,
    influences_of,
    on_shared,
    scores_of_seeds,
    seed_variance,
    units_of,
)
from bench.metrics.ranking import FloatArray
from bench.metrics.resampling import Interval
from bench.records.saved import SavedRun
from bench.statistics import (
    correlations,
    covariance_over_images,
    freedom_of_mean,
    nested_auroc_interval,
    student,
)


@dataclass(frozen=True)
class Entrant:
    """The runs behind one row."""

    name: str
    runs: Mapping[str, Sequence[SavedRun]]
    """Category, or an empty text -> one run for each seed."""
    missing: tuple[str, ...] = ()
    """Categories without a run."""
    shared_images: bool = False
    """Whether the categories were tested on the same images."""

    @property
    def first(self) -> SavedRun:
        return next(iter(self.runs.values()))[0]

    @property
    def all_runs(self) -> list[SavedRun]:
        return [run for of in self.runs.values() for run in of]

    def origin(self) -> Measured:
        record = self.first.record
        return Measured(
            view=record.spec.view,
            settings=dict(record.settings or {}),
            seeds=tuple(sorted({run.record.spec.seed for run in self.all_runs})),
            keys=tuple(run.record.key for run in self.all_runs),
            trivial=record.trivial,
            fewest_seeds=min(map(len, self.runs.values())),
            caveat=str(record.method_facts.get("caveat", "")),
        )

    def cell(self, measure: Measure, with_bounds: bool) -> Cell | None:
        """``None`` where some run lacks the figure."""
        values = self._values(measure, lambda reading: reading.value)
        if values is None:
            return None
        return Cell(_mean_of_means(values), self._bounds(measure, values) if with_bounds else None)

    def kind_cells(self, measure: Measure) -> dict[str, Cell]:
        """The figure by kind of anomaly, for the kinds that every run has."""
        readings = [reading for run in self.all_runs if (reading := measure.read(run.record))]
        kinds = set.intersection(*(set(reading.by_kind or {}) for reading in readings)) if readings else set()
        found = {kind: self._values(measure, partial(_of_kind, kind)) for kind in sorted(kinds)}
        return {kind: Cell(_mean_of_means(values)) for kind, values in found.items() if values}

    def category_cells(self, measure: Measure) -> dict[str, Cell]:
        """The figure of each category, where the row is a mean over several."""
        if len(self.runs) + len(self.missing) < 2:
            return {}
        alone = {category: Entrant(self.name, {category: runs}) for category, runs in self.runs.items()}
        found = {category: entrant.cell(measure, with_bounds=False) for category, entrant in alone.items()}
        return {category: cell for category, cell in found.items() if cell}

    def _values(self, measure: Measure, take: Callable[[Reading], float]) -> list[list[float]] | None:
        """By category and seed."""
        readings = [[measure.read(run.record) for run in of] for of in self.runs.values()]
        if any(reading is None for of in readings for reading in of):
            return None
        return [[take(reading) for reading in of if reading] for of in readings]

    def _bounds(self, measure: Measure, values: list[list[float]]) -> Bounds | None:
        together = self._together(measure) if len(self.runs) > 1 and measure.key == "auroc" else None
        freedom = together.freedom if together else None
        intervals = [_interval(of, measure, freedom) for of in self.runs.values()]
        known = [interval for interval in intervals if interval]
        if len(known) < len(intervals):
            return self._range(values)
        if len(known) == 1:
            return _as_bounds(known[0])
        return mean_of_intervals(known, [sum(of) / len(of) for of in values], together)

    def _together(self, measure: Measure) -> Together | None:
        if not has_enough(self.runs, measure):
            return None
        moved = [influences_of(of, measure) for of in self.runs.values()]
        units = [units_of(category, of[0], self.shared_images) for category, of in self.runs.items()]
        covariance = covariance_over_images(moved, units)
        freedom = freedom_of_mean(covariance, [seed_variance(of, measure) for of in self.runs.values()])
        return Together(covariance, freedom, self.shared_images)

    def _range(self, values: list[list[float]]) -> Bounds | None:
        """Lowest and highest of the seeds, each averaged over the categories."""
        seeds = [[run.record.spec.seed for run in of] for of in self.runs.values()]
        if max(map(len, seeds)) == 1:
            return None
        method = f"range over {len(seeds[0])} seeds"
        if any(of != seeds[0] for of in seeds):
            return Bounds(None, None, "range", "range over seeds", "the categories have different seeds")
        of_seeds = np.mean(values, axis=0)
        return Bounds(float(of_seeds.min()), float(of_seeds.max()), "range", method)


def _of_kind(kind: str, reading: Reading) -> float:
    return (reading.by_kind or {})[kind]


def _mean_of_means(values: Sequence[Sequence[float]]) -> float:
    return math.fsum(math.fsum(of) / len(of) for of in values) / len(values)


def _interval(runs: Sequence[SavedRun], measure: Measure, freedom: float | None) -> Interval | None:
    """Of one data set or category: the record's own with one seed, computed again from the scores with several."""
    if len(runs) == 1:
        reading = measure.read(runs[0].record)
        return reading.interval if reading else None
    metrics = runs[0].record.metrics
    if measure.key != "auroc" or metrics is None:
        return None
    return nested_auroc_interval(
        classes_of(runs[0]), scores_of_seeds(runs), runs[0].groups, measure.is_mean_of_kinds(metrics), freedom=freedom
    )


def _as_bounds(interval: Interval) -> Bounds:
    return Bounds(interval.low, interval.high, "interval", interval.method, interval.degenerate)


@dataclass(frozen=True)
class Together:
    """What categories have in common."""

    covariance: FloatArray
    """``(K, K)`` of their figures, by their images."""
    freedom: float
    """Degrees of freedom of their mean, which their intervals were made with."""
    shared_images: bool


def mean_of_intervals(
    intervals: Sequence[Interval], values: Sequence[float], together: Together | None = None
) -> Bounds:
    """The interval of the mean of figures from their own: distances to the bounds add up in squares.

    MOVER, Zou and Donner 2008 (Statistics in Medicine 27, 1693): it keeps the skewness of the intervals and equals the
    normal interval where they are symmetric. Products of two distances are added by the figures' correlation, as there
    for dependent figures.
    """
    shared = together is not None and together.shared_images
    how = " / ".join(dict.fromkeys(each.method for each in intervals))
    method = f"of {len(intervals)} categories{on_shared(shared)} combined (MOVER), each: {how}"
    missing = next((each.degenerate for each in intervals if each.low is None or each.high is None), None)
    pairs = [(each.low, each.high) for each in intervals if each.low is not None and each.high is not None]
    if len(pairs) < len(intervals):
        return Bounds(None, None, "interval", method, f"in some category: {missing}")
    low, high = np.array(pairs).T
    related = np.eye(len(pairs))
    if together:
        errors = (high - low) / (2 * student(together.freedom, intervals[0].level))
        related = correlations(together.covariance, errors**2)
    below, above = (math.sqrt(max(far @ related @ far, 0.0)) / len(pairs) for far in (values - low, high - values))
    centre = sum(values) / len(values)
    return Bounds(centre - below, centre + above, "interval", method)
