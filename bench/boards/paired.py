"""Two configurations compared on the same test images, of one data set or of each of its categories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from bench.boards.measures import Measure
from bench.errors import DataError
from bench.metrics.ranking import FloatArray, IntArray
from bench.metrics.resampling import Interval
from bench.records.saved import SavedRun
from bench.statistics import Difference, compare_pair

LEVEL = 0.95
ByCategory = Mapping[str, Sequence[SavedRun]]
"""Category, or an empty text -> one run for each seed."""


def classes_of(run: SavedRun) -> IntArray:
    """``(n,)``: 0 for normal test images, 1 and up for the kinds of anomaly by name."""
    is_anomalous = run.labels == 1
    _, numbers = np.unique(run.scores["kind"].to_numpy(dtype=object)[is_anomalous], return_inverse=True)
    classes = np.zeros(len(run.labels), dtype=np.int64)
    classes[is_anomalous] = numbers + 1
    return classes


def scores_of_seeds(runs: Sequence[SavedRun]) -> FloatArray:
    """``(seeds, n)`` scores of the same test images; raises ``DataError`` where their ids differ."""
    for run in runs[1:]:
        require_same_images(runs[0], run)
    return np.stack([run.score for run in runs])


def require_same_images(a: SavedRun, b: SavedRun) -> None:
    """Raise ``DataError`` unless both were tested on the same images in the same order."""
    if a.scores["id"].equals(b.scores["id"]) and np.array_equal(a.labels, b.labels):
        return
    shared = len(set(a.scores["id"]) & set(b.scores["id"]))
    raise DataError(
        f"{a.name} and {b.name} were not tested on the same images: {len(a.labels)} and {len(b.labels)} images,"
        f" {shared} ids in common ({a.record.folder}, {b.record.folder}). Run both on the same data:"
        f" bench run --method {a.record.spec.method},{b.record.spec.method} --dataset {a.record.spec.dataset_label}"
    )


def difference(a: ByCategory, b: ByCategory, measure: Measure) -> Difference:
    """A less B. ``degenerate`` says why there is no test, such as a metric that image scores do not give."""
    if measure.key != "auroc":
        reason = f"no paired test: {measure.title} cannot be computed again from image scores"
        return _untested(_value(a, measure) - _value(b, measure), "none", reason)
    return _mean_of([_of_category(a[category], b[category], measure) for category in a])


def _of_category(a: Sequence[SavedRun], b: Sequence[SavedRun], measure: Measure) -> Difference:
    require_same_images(a[0], b[0])
    metrics = a[0].record.metrics
    mean_of_kinds = metrics is not None and measure.is_mean_of_kinds(metrics)
    return compare_pair(
        classes_of(a[0]), scores_of_seeds(a), scores_of_seeds(b), a[0].groups, mean_of_kinds, LEVEL
    )  # fmt: skip


def _mean_of(differences: Sequence[Difference]) -> Difference:
    """Of independent categories: a normal approximation, with standard errors from the widths of their intervals."""
    if len(differences) == 1:
        return differences[0]
    effect = sum(each.effect for each in differences) / len(differences)
    method = f"mean over {len(differences)} categories, normal approximation of: {differences[0].method}"
    errors = [_standard_error(each) for each in differences]
    known = [error for error in errors if error is not None]
    error = math.hypot(*known) / len(differences)
    if len(known) < len(errors) or error == 0:
        reason = next((each.degenerate for each in differences if each.degenerate), "no category varies")
        return _untested(effect, method, reason)
    margin = float(ndtri((1 + LEVEL) / 2)) * error
    interval = Interval(max(effect - margin, -1.0), min(effect + margin, 1.0), LEVEL, method)
    return Difference(effect, interval, float(2 * ndtr(-abs(effect) / error)), method)


def _standard_error(of: Difference) -> float | None:
    if of.interval.low is None or of.interval.high is None:
        return None
    return (of.interval.high - of.interval.low) / (2 * float(ndtri((1 + of.interval.level) / 2)))


def _value(runs: ByCategory, measure: Measure) -> float:
    readings = [[reading.value for run in of if (reading := measure.read(run.record))] for of in runs.values()]
    return float(np.mean([np.mean(values) for values in readings]))


def _untested(effect: float, method: str, reason: str) -> Difference:
    return Difference(effect, Interval(None, None, LEVEL, method, reason), None, method, reason)
