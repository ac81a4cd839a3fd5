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
from bench.statistics import Difference, compare_pair, correlations, covariance_over_images, influences

LEVEL = 0.95
LEAST_RESAMPLES, RESAMPLES_PER_COMPARISON = 2000, 100
"""The smallest p-value that R resamples can show is 2 / (1 + R); times the comparisons it has to stay below 1 - LEVEL,
or nothing could ever be told apart in a large family."""
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


def influences_of(runs: Sequence[SavedRun], measure: Measure) -> FloatArray:
    """By how much each test image moves the AUROC of one category, ``(n,)``: the mean over its seeds."""
    metrics, classes = runs[0].record.metrics, classes_of(runs[0])
    mean_of_kinds = metrics is not None and measure.is_mean_of_kinds(metrics)
    return influences(classes if mean_of_kinds else np.minimum(classes, 1), scores_of_seeds(runs))


def units_of(run: SavedRun) -> list[str]:
    """Of each test image: its group, or its id where it stands alone."""
    return [group or image for group, image in zip(run.groups, run.scores["id"], strict=True)]


def difference(
    a: ByCategory, b: ByCategory, measure: Measure, *, shared_images: bool = False, comparisons: int = 1
) -> Difference:
    """A less B. ``degenerate`` says why there is no test, such as a metric that image scores do not give.

    ``shared_images``: whether the categories were tested on the same images. ``comparisons``: the size of the family
    that the p-value will be adjusted in, as more of them need more resamples to be told apart.
    """
    if measure.key != "auroc":
        reason = f"no paired test: {measure.title} cannot be computed again from image scores"
        return _untested(_value(a, measure) - _value(b, measure), "none", reason)
    resamples = max(LEAST_RESAMPLES, RESAMPLES_PER_COMPARISON * comparisons)
    found = [_of_category(a[category], b[category], measure, resamples) for category in a]
    if len(found) == 1:
        return found[0]
    covariance = _covariance_of_differences(a, b, measure) if shared_images else None
    return _mean_of(found, covariance)


def _of_category(a: Sequence[SavedRun], b: Sequence[SavedRun], measure: Measure, resamples: int) -> Difference:
    require_same_images(a[0], b[0])
    metrics = a[0].record.metrics
    mean_of_kinds = metrics is not None and measure.is_mean_of_kinds(metrics)
    return compare_pair(
        classes_of(a[0]), scores_of_seeds(a), scores_of_seeds(b), a[0].groups, mean_of_kinds, LEVEL, resamples
    )  # fmt: skip


def _covariance_of_differences(a: ByCategory, b: ByCategory, measure: Measure) -> FloatArray:
    moved = [influences_of(a[category], measure) - influences_of(b[category], measure) for category in a]
    return covariance_over_images(moved, [units_of(of[0]) for of in a.values()])


def _mean_of(differences: Sequence[Difference], covariance: FloatArray | None) -> Difference:
    """Over categories: a normal approximation, with standard errors from the widths of their intervals.

    A category in which both rank alike adds nothing to effect and error. With a ``covariance``, which images that
    several categories share make, differences are not independent.
    """
    effect = sum(each.effect for each in differences) / len(differences)
    how = " / ".join(dict.fromkeys(each.method for each in differences if not each.is_none)) or differences[0].method
    method = f"mean over {len(differences)} categories{on_shared(covariance)}, normal approximation of: {how}"
    errors = [0.0 if each.is_none else _standard_error(each) for each in differences]
    known = np.array([error for error in errors if error is not None])
    if len(known) < len(errors) or not known.any():
        reason = next((each.degenerate for each in differences if each.degenerate), "no category varies")
        return _untested(effect, method, reason)
    together = np.eye(len(known)) if covariance is None else correlations(covariance, known**2)
    error = math.sqrt(known @ together @ known) / len(known)
    margin = float(ndtri((1 + LEVEL) / 2)) * error
    interval = Interval(max(effect - margin, -1.0), min(effect + margin, 1.0), LEVEL, method)
    return Difference(effect, interval, float(2 * ndtr(-abs(effect) / error)), method)


def on_shared(covariance: FloatArray | None) -> str:
    """Said wherever categories are taken together."""
    return "" if covariance is None else " on the same images"


def _standard_error(of: Difference) -> float | None:
    if of.interval.low is None or of.interval.high is None:
        return None
    return (of.interval.high - of.interval.low) / (2 * float(ndtri((1 + of.interval.level) / 2)))


def _value(runs: ByCategory, measure: Measure) -> float:
    readings = [[reading.value for run in of if (reading := measure.read(run.record))] for of in runs.values()]
    return float(np.mean([np.mean(values) for values in readings]))


def _untested(effect: float, method: str, reason: str) -> Difference:
    return Difference(effect, Interval(None, None, LEVEL, method, reason), None, method, reason)
