"""Two configurations compared on the same test images, of one data set or of each of its categories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from bench.boards.measures import Measure
from bench.errors import DataError
from bench.metrics.ranking import FloatArray, IntArray
from bench.metrics.resampling import Interval
from bench.records.saved import SavedRun
from bench.statistics import (
    Difference,
    SeedVariance,
    by_student,
    compare_pair,
    correlations,
    covariance_over_images,
    freedom_of_mean,
    influences,
)

LEVEL = 0.95
LEAST_RESAMPLES, RESAMPLES_PER_COMPARISON = 2000, 100
"""The smallest p-value that R resamples can show is 2 / (1 + R); times the comparisons it has to stay below 1 - LEVEL,
or nothing could ever be told apart in a large family."""
CANCELLED = 1e-9
"""A variance below this share of its parts is rounding, and may be negative."""
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
    return influences(_strata(runs[0], measure), scores_of_seeds(runs))


def _strata(run: SavedRun, measure: Measure) -> IntArray:
    """``classes_of`` where the figure is a mean over kinds, else labels."""
    return classes_of(run) if _is_mean_of_kinds(run, measure) else run.labels.astype(np.int64)


def _is_mean_of_kinds(run: SavedRun, measure: Measure) -> bool:
    return run.record.metrics is not None and measure.is_mean_of_kinds(run.record.metrics)


def seed_variance(runs: Sequence[SavedRun], measure: Measure) -> SeedVariance:
    """How the AUROC of one category varies by its seeds."""
    figures = [reading.value for run in runs if (reading := measure.read(run.record))]
    return SeedVariance.of([np.array(figures)])


def units_of(category: str, run: SavedRun, shared_images: bool) -> list[str]:
    """Of each test image: its group, or its id where it stands alone; of its category, unless all share images."""
    own = "" if shared_images else f"{category}/"
    return [f"{own}{group or image}" for group, image in zip(run.groups, run.scores["id"], strict=True)]


def has_enough(runs: ByCategory, measure: Measure) -> bool:
    """Whether every class of every category has two images, so that it is known how they vary."""
    return all(int(np.bincount(_strata(of[0], measure)).min()) > 1 for of in runs.values())


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
    covariance = _covariance_of_differences(a, b, measure, shared_images) if has_enough(a, measure) else None
    return _mean_of(found, covariance, shared_images)


def _of_category(a: Sequence[SavedRun], b: Sequence[SavedRun], measure: Measure, resamples: int) -> Difference:
    require_same_images(a[0], b[0])
    mean_of_kinds = _is_mean_of_kinds(a[0], measure)
    return compare_pair(
        classes_of(a[0]), scores_of_seeds(a), scores_of_seeds(b), a[0].groups, mean_of_kinds, LEVEL, resamples
    )  # fmt: skip


def _covariance_of_differences(a: ByCategory, b: ByCategory, measure: Measure, shared_images: bool) -> FloatArray:
    moved = [influences_of(a[category], measure) - influences_of(b[category], measure) for category in a]
    return covariance_over_images(moved, [units_of(category, of[0], shared_images) for category, of in a.items()])


def _mean_of(differences: Sequence[Difference], covariance: FloatArray | None, shared_images: bool) -> Difference:
    """Over categories, of their standard errors. A category in which both rank alike adds nothing to effect and error.

    ``covariance`` of the differences, by the images of each, or by those that categories share; ``None`` where some
    category is too small to tell.
    """
    effect = sum(each.effect for each in differences) / len(differences)
    how = " / ".join(dict.fromkeys(each.method for each in differences if not each.is_none)) or differences[0].method
    method = f"mean over {len(differences)} categories{on_shared(shared_images)}, of: {how}"
    errors = [0.0 if each.is_none else each.error for each in differences]
    known = np.array([error for error in errors if error is not None])
    if covariance is None or len(known) < len(errors) or not known.any():
        reason = next((each.degenerate for each in differences if each.degenerate), "no category varies")
        return _untested(effect, method, reason)
    variance = float(known @ correlations(covariance, known**2) @ known)
    if variance < CANCELLED * float(known @ known):
        return _untested(effect, method, "what one category gains on these images another loses")
    error = math.sqrt(variance) / len(known)
    freedom = freedom_of_mean(covariance, [each.of_seeds for each in differences])
    return by_student(effect, error, freedom, LEVEL, method)


def on_shared(shared_images: bool) -> str:
    """Said wherever categories are taken together."""
    return " on the same images" if shared_images else ""


def _value(runs: ByCategory, measure: Measure) -> float:
    readings = [[reading.value for run in of if (reading := measure.read(run.record))] for of in runs.values()]
    return float(np.mean([np.mean(values) for values in readings]))


def _untested(effect: float, method: str, reason: str) -> Difference:
    return Difference(effect, Interval(None, None, LEVEL, method, reason), None, method, reason)
