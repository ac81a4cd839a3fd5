"""Image-level metrics: how well scores put anomalous images above normal ones.

Everywhere: ``labels`` and ``scores`` are ``(N,)``, label 1 is anomalous and 0 normal, higher scores are more
anomalous, and an image whose score is **at or above** a threshold is called anomalous, as in scikit-learn.
Everything is computed in float64 from the order of the scores, so no increasing transform changes a ranking
metric; scores are never squashed into [0, 1], which would create ties.

All functions raise ``ValueError`` on wrong shapes, non-finite scores, labels other than 0 and 1, or one class only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


# ---------------------------------------------------------------------------------------- checks


def check_inputs(labels: ArrayLike, scores: ArrayLike) -> tuple[BoolArray, FloatArray]:
    """``labels`` as booleans (true: anomalous) and ``scores`` as float64, both ``(N,)``, or ``ValueError``."""
    anomalous, values = _check_labels(labels), check_scores(scores)
    if len(anomalous) != len(values):
        raise ValueError(f"Expected one score for each label, found {len(anomalous)} labels and {len(values)} scores.")
    positives = int(anomalous.sum())
    if positives in (0, len(anomalous)):
        raise ValueError(
            "Expected normal (0) and anomalous (1) images,"
            f" found {len(anomalous) - positives} normal and {positives} anomalous."
        )
    return anomalous, values


def check_scores(scores: ArrayLike) -> FloatArray:
    """``scores`` as float64 ``(N,)``. Raises ``ValueError`` unless one-dimensional, non-empty and finite."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"Expected scores of shape (N,) with N > 0, found {values.shape}.")
    finite = int(np.isfinite(values).sum())
    if finite < values.size:
        raise ValueError(f"Expected finite scores, found {values.size - finite} of {values.size} NaN or infinite.")
    return values


def _check_labels(labels: ArrayLike) -> BoolArray:
    found = np.asarray(labels)
    if found.ndim != 1:
        raise ValueError(f"Expected labels of shape (N,), found {found.shape}.")
    if not np.isin(found, (0, 1)).all():
        raise ValueError(f"Expected labels 0 (normal) and 1 (anomalous), found {np.unique(found)[:5].tolist()}.")
    return found.astype(np.bool_)


# --------------------------------------------------------------------------------------- ranking


def midranks(values: FloatArray) -> FloatArray:
    """Ranks from 1 of ``(N,)`` values, ascending; tied values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(ranks[inverse], dtype=np.float64)


def auroc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Chance that an anomalous image outscores a normal one, ties counted half (Mann and Whitney's U / mn)."""
    anomalous, values = check_inputs(labels, scores)
    m = int(anomalous.sum())
    u = midranks(values)[anomalous].sum() - m * (m + 1) / 2
    return float(u / (m * (len(values) - m)))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Sum over thresholds of (gain in recall) x precision; equal scores are one threshold, nothing is interpolated.

    Equals scikit-learn's ``average_precision_score``. Depends on the share of anomalous images in the test.
    """
    _, found, false_alarms = _cumulative_counts(*check_inputs(labels, scores))
    precision = found / (found + false_alarms)
    return float(np.diff(found, prepend=0) @ precision / found[-1])


def fpr_at_tpr(labels: ArrayLike, scores: ArrayLike, tpr: float = 0.95) -> float:
    """Lowest false positive rate among the attainable thresholds that find at least ``tpr`` of the anomalous images.

    Attainable: a distinct score; nothing is interpolated between two of them. Raises ``ValueError`` unless
    0 < ``tpr`` <= 1.
    """
    if not 0 < tpr <= 1:
        raise ValueError(f"Expected 0 < tpr <= 1, found {tpr}.")
    _, found, false_alarms = _cumulative_counts(*check_inputs(labels, scores))
    # A quotient is rounded as a literal is: 19 / 20 == 0.95, where 0.95 * 20 may not be 19 for other numbers.
    enough = int(np.argmax(found / found[-1] >= tpr))
    return float(false_alarms[enough] / false_alarms[-1])


def _cumulative_counts(anomalous: BoolArray, scores: FloatArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Distinct scores, descending, and how many anomalous and how many normal images score at or above each."""
    distinct, inverse = np.unique(-scores, return_inverse=True)
    found, false_alarms = (
        np.cumsum(np.bincount(inverse[of_class], minlength=len(distinct)), dtype=np.int64)
        for of_class in (anomalous, ~anomalous)
    )
    return -distinct, found, false_alarms


# ------------------------------------------------------------------------------------ thresholds


@dataclass(frozen=True)
class OperatingPoint:
    """What happens at one threshold: images scoring ``>= threshold`` are called anomalous.

    ``precision`` is ``None`` where no image is called anomalous; ``f1`` = 2 TP / (2 TP + FP + FN) is then 0.
    """

    threshold: float
    sensitivity: float
    specificity: float
    precision: float | None
    f1: float


def operating_point(labels: ArrayLike, scores: ArrayLike, threshold: float) -> OperatingPoint:
    """Sensitivity, specificity, precision and F1 at ``threshold``; infinity calls no image anomalous.

    Raises ``ValueError`` on a threshold that is not a number.
    """
    anomalous, values = check_inputs(labels, scores)
    if math.isnan(threshold):
        raise ValueError("Expected a number as threshold, found NaN.")
    called = values >= threshold
    found, called_in_all = int((called & anomalous).sum()), int(called.sum())
    positives = int(anomalous.sum())
    negatives = len(anomalous) - positives
    return OperatingPoint(
        threshold=float(threshold),
        sensitivity=found / positives,
        specificity=1 - (called_in_all - found) / negatives,
        precision=found / called_in_all if called_in_all else None,
        f1=2 * found / (called_in_all + positives),
    )


def normal_quantile_threshold(normal_scores: ArrayLike, quantile: float = 0.95) -> float:
    """The lowest threshold at which at least ``quantile`` of ``(N,)`` normal scores stay below it.

    At most 1 - ``quantile`` of those images are then called anomalous, ties included; with fewer than
    1 / (1 - ``quantile``) of them none is. Raises ``ValueError`` unless 0 < ``quantile`` <= 1. Keep the result in
    float64: it is the next number above a normal score, and rounding it may bring it down to that score.
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"Expected 0 < quantile <= 1, found {quantile}.")
    ascending = np.sort(check_scores(normal_scores))
    highest_normal = ascending[math.ceil(quantile * len(ascending)) - 1]
    # Not the score itself: a score at the threshold is called anomalous, and so would all normal ones tied with it.
    return float(np.nextafter(highest_normal, np.inf))


def youden_threshold(labels: ArrayLike, scores: ArrayLike) -> float:
    """ORACLE: the score that maximises sensitivity + specificity - 1, chosen with the labels of the test itself.

    Says how good a threshold could have been, never how good one is. Of equally good ones the highest; always finite.
    """
    thresholds, found, false_alarms = _cumulative_counts(*check_inputs(labels, scores))
    # Whole numbers instead of rates, so that equally good thresholds compare equal.
    return float(thresholds[np.argmax(found * false_alarms[-1] - false_alarms * found[-1])])
