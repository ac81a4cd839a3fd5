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


def delong_variance_of_difference(labels: ArrayLike, a: ArrayLike, b: ArrayLike) -> float:
    """Variance of the difference of the AUROCs of two scorings ``(N,)`` of the same images.

    That of the contrast (1, -1) of ``delong_covariance``, but made from differences of single images, so that it is
    exactly zero for scorings that rank alike.
    """
    placed = _placements_of_all(labels, np.stack([np.asarray(a), np.asarray(b)]))
    return float(sum(_covariance_of_mean(of_class[:1] - of_class[1:])[0, 0] for of_class in placed))


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
    margin = ndtri((1 + level) / 2) * math.sqrt(delong_variance(anomalous, values)) / (area * (1 - area))
    if margin == 0:
        return Interval(None, None, level, method, "all scores are equal")
    centre = math.log(area / (1 - area))
    return Interval(_inverse_logit(centre - margin), _inverse_logit(centre + margin), level, method)


def _inverse_logit(x: float) -> float:
    return (1 + math.tanh(x / 2)) / 2  # does not overflow
