"""Intervals from drawing whole groups of images again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bench.metrics.ranking import BoolArray, FloatArray, IntArray, auroc, check_inputs
from bench.metrics.resampling import GroupBootstrap, Interval, percentile_interval
from bench.statistics.checks import check_length, check_resamples, why_degenerate

Statistic = Callable[[BoolArray, FloatArray], float]
"""A metric of labels ``(N,)`` and scores ``(N,)``."""

Evaluate = Callable[[IntArray], FloatArray]
"""Values ``(resamples,)`` of a statistic from how often each image was drawn ``(N, resamples)``."""


def grouped_bootstrap_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[str | None],
    statistic: Statistic = auroc,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of ``statistic`` when whole groups are drawn again, with replacement.

    ``groups``: one name for each of N images, ``None`` for an image of its own; all ``None`` resamples images.
    Groups of normal images only, of anomalous images only and of both are each drawn among themselves, so every
    resample has both classes. A group that is the only one of its kind is in every resample; ``method`` says so, as
    the interval is then too narrow. So it is with few groups: "95 %" covered 83 % in a simulation with 5 patients of
    each class, 88 % with 10, 91 % with 25, 93 % with 50. Raises ``ValueError`` on unusable input.
    """
    check_resamples(resamples, level)
    anomalous, values = check_inputs(labels, scores)
    check_length(len(groups), len(anomalous))
    bootstrap = GroupBootstrap(anomalous.astype(np.int64), groups, resamples, seed)
    area = auroc(anomalous, values) if statistic is auroc else None
    reason = why_degenerate(area, (bootstrap.drawn(0), bootstrap.drawn(1)), "group")
    if reason:
        return Interval(None, None, level, bootstrap.method, reason)
    evaluate = weighted_auroc(anomalous, values) if statistic is auroc else _repeated(statistic, anomalous, values)
    drawn = np.concatenate([evaluate(weights) for weights in bootstrap.weights()])
    if not np.isfinite(drawn).all():
        raise ValueError("Expected a statistic that is finite in every resample, found NaN or infinity.")
    return percentile_interval(drawn, level, bootstrap.method)


def mean_auroc_interval(
    classes: IntArray,
    scores: ArrayLike,
    groups: Sequence[str | None],
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """The interval of the mean, over kinds of anomaly, of each kind's AUROC against all normal images.

    ``classes`` ``(N,)``: 0 for normal images, 1 and up for the kinds; every class is drawn among itself. Raises
    ``ValueError`` on unusable scores or groups.
    """
    values = np.asarray(scores, dtype=np.float64)
    bootstrap = GroupBootstrap(classes, groups, resamples, seed)
    reason = why_never_varies(bootstrap, classes)
    if reason:
        return Interval(None, None, level, bootstrap.method, reason)
    evaluate = weighted_mean_auroc(classes, values)
    drawn = np.concatenate([evaluate(weights) for weights in bootstrap.weights()])
    return percentile_interval(drawn, level, bootstrap.method)


def why_never_varies(bootstrap: GroupBootstrap, classes: IntArray) -> str | None:
    """Why resamples say nothing: some class of images has too few groups that take part in a draw."""
    if any(bootstrap.drawn(each) < 2 for each in range(classes.max() + 1)):
        return "fewer than two groups of some kind of image to draw from"
    return None


def weighted_mean_auroc(classes: IntArray, scores: FloatArray) -> Evaluate:
    """The mean over kinds of anomaly of ``weighted_auroc``; with one kind, that AUROC itself."""
    of_kind = [(classes == 0) | (classes == kind) for kind in range(1, classes.max() + 1)]
    evaluations = [(chosen, weighted_auroc(classes[chosen] > 0, scores[chosen])) for chosen in of_kind]

    def evaluate(weights: IntArray) -> FloatArray:
        return np.asarray(np.mean([of_one(weights[chosen]) for chosen, of_one in evaluations], axis=0))

    return evaluate


def weighted_auroc(anomalous: BoolArray, scores: FloatArray) -> Evaluate:
    """The AUROC of each column of weights ``(N, resamples)``; the scores are sorted once for all of them."""
    normal = np.flatnonzero(~anomalous)
    normal = normal[np.argsort(scores[normal], kind="stable")]
    below, not_above = (np.searchsorted(scores[normal], scores[anomalous], side=side) for side in ("left", "right"))

    def evaluate(weights: IntArray) -> FloatArray:
        positive = weights[anomalous]
        up_to = np.zeros((len(normal) + 1, weights.shape[1]), dtype=np.int64)
        np.cumsum(weights[normal], axis=0, out=up_to[1:])
        # Normal weight below each anomalous image, and half of the weight tied with it.
        outscored = np.einsum("ij,ij->j", positive, up_to[below] + up_to[not_above]) / 2
        return np.asarray(outscored / (positive.sum(axis=0) * up_to[-1]), dtype=np.float64)

    return evaluate


def _repeated(statistic: Statistic, anomalous: BoolArray, scores: FloatArray) -> Evaluate:
    """Any statistic of each column of weights ``(N, resamples)``: every image repeated as often as it was drawn."""

    def evaluate(weights: IntArray) -> FloatArray:
        return np.array([statistic(np.repeat(anomalous, w), np.repeat(scores, w)) for w in weights.T], dtype=np.float64)

    return evaluate
