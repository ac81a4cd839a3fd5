"""The variance of AUROCs over independent images, and the interval made from it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from bench.metrics.ranking import BoolArray, FloatArray, auroc, check_inputs, midranks
from bench.metrics.resampling import Interval
from bench.statistics.checks import check_level, images_by_class, why_degenerate


def delong_covariance(labels: ArrayLike, scores_matrix: ArrayLike) -> FloatArray:
    """Covariance ``(K, K)`` of the AUROCs of K scorings ``(K, N)`` of the same N independent images.

    DeLong et al. 1988, computed by ranks as in Sun and Xu 2014 (IEEE Signal Processing Letters 21, 1389). Raises
    ``ValueError`` on unusable input or fewer than two images of a class.
    """
    scorings = np.asarray(scores_matrix, dtype=np.float64)
    if scorings.ndim != 2 or not len(scorings):
        raise ValueError(f"Expected scores of shape (K, N) with K > 0, found {scorings.shape}.")
    of_anomalous, of_normal = _placements_of_all(labels, scorings)
    return _covariance_of_mean(of_anomalous) + _covariance_of_mean(of_normal)


def delong_variance(labels: ArrayLike, scores: ArrayLike) -> float:
    """Variance of the AUROC of ``scores`` ``(N,)`` over samples of images; see ``delong_covariance``."""
    return float(delong_covariance(labels, np.asarray(scores)[None])[0, 0])


def influences(classes: ArrayLike, scorings: ArrayLike) -> FloatArray:
    """By how much each of N independent images moves the mean AUROC of scorings ``(S, N)`` or ``(N,)``: ``(N,)``.

    ``classes``: 0 for normal images, 1 and up for kinds of anomaly, over which the AUROC is averaged. With one kind,
    squares add up to DeLong's variance of that mean; those of two methods, subtracted before, to that of the
    difference, which so is exactly zero for scorings that rank alike. Errors as of ``delong_covariance``.
    """
    kinds, rows = np.asarray(classes), np.atleast_2d(np.asarray(scorings, dtype=np.float64))
    found = np.zeros(len(kinds))
    for kind in range(1, int(kinds.max()) + 1):
        chosen = (kinds == 0) | (kinds == kind)
        found[chosen] += _influences(kinds[chosen] > 0, rows[:, chosen])
    return np.asarray(found / kinds.max())


def _influences(anomalous: BoolArray, scorings: FloatArray) -> FloatArray:
    found = np.empty(len(anomalous))
    for of_class, placed in zip((anomalous, ~anomalous), _placements_of_all(anomalous, scorings), strict=True):
        values, n = placed.mean(axis=0), placed.shape[1]
        if n < 2:
            raise ValueError(f"Expected at least two images of each class, found {n} of one.")
        found[of_class] = (values - values.mean()) / math.sqrt(n * (n - 1))
    return found


def _placements_of_all(labels: ArrayLike, scorings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``(K, anomalous)`` and ``(K, normal)`` placements of K scorings ``(K, N)``."""
    placements = [_placements(*check_inputs(labels, scores)) for scores in scorings]
    of_anomalous, of_normal = (np.stack(values) for values in zip(*placements, strict=True))
    return of_anomalous, of_normal


def _placements(anomalous: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each anomalous image the share of normal ones below it, for each normal one that of anomalous ones above."""
    m = int(anomalous.sum())
    n = len(anomalous) - m
    among_all = midranks(scores)
    # Rank among all less rank among one's own class: how many of the other class score below, ties counted half.
    of_anomalous = (among_all[anomalous] - midranks(scores[anomalous])) / n
    of_normal = 1 - (among_all[~anomalous] - midranks(scores[~anomalous])) / m
    return of_anomalous, of_normal


def _covariance_of_mean(values: FloatArray) -> FloatArray:
    """``(K, K)`` covariance of the K means of ``(K, n)`` values."""
    n = values.shape[1]
    if n < 2:
        raise ValueError(f"Expected at least two images of each class, found {n} of one.")
    centred = values - values.mean(axis=1, keepdims=True)
    return np.asarray(centred @ centred.T / (n - 1) / n, dtype=np.float64)


def logit_delong_interval(labels: ArrayLike, scores: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of the AUROC of independent images: DeLong's variance, symmetric on the logit scale.

    The logit keeps it inside (0, 1) and covers better near 1 than the plain one: 94 % against 85 % in a simulation of
    20 normal and 40 anomalous images at AUROC .96. Raises ``ValueError`` on unusable input or unless 0 < ``level`` < 1.
    """
    check_level(level)
    method = "logit DeLong"
    anomalous, values = check_inputs(labels, scores)
    area = auroc(anomalous, values)
    reason = why_degenerate(area, images_by_class(anomalous), "image")
    if reason:
        return Interval(None, None, level, method, reason)
    margin = float(ndtri((1 + level) / 2)) * math.sqrt(delong_variance(anomalous, values))
    if margin == 0:
        return Interval(None, None, level, method, "all scores are equal")
    return logit_interval(area, margin, level, method)


def logit_interval(area: float, margin: float, level: float, method: str) -> Interval:
    """Around an AUROC between 0 and 1 by a margin that is carried to the logit scale, where it is symmetric."""
    centre, margin = math.log(area / (1 - area)), margin / (area * (1 - area))
    return Interval(_inverse_logit(centre - margin), _inverse_logit(centre + margin), level, method)


def _inverse_logit(x: float) -> float:
    return (1 + math.tanh(x / 2)) / 2  # does not overflow
