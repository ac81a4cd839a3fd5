"""From scores to metrics: which figures are computed, and from what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.contracts import ANOMALOUS, NORMAL
from bench.metrics import ranking
from bench.records.record import SCORE, Columns, Metrics, ScoreMetrics
from bench.statistics.bootstrap import mean_auroc_interval
from bench.statistics.intervals import auroc_interval

THRESHOLD_QUANTILE = 0.95
"""The decision threshold lets through this share of the normal validation images."""


class Judged(Protocol):
    """What must be known of a test image: a ``Sample``, or a row of saved scores."""

    @property
    def label(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def group(self) -> str | None: ...


def evaluate(test: Sequence[Judged], scores: Columns, val_scores: Columns | None, average_kinds: bool) -> Metrics:
    """Image-level metrics of the main score and of each part.

    ``average_kinds``: whether figures are means over the kinds of anomaly, each against all normal images. Decisions
    need ``val_scores``: without normal validation images there is no threshold to decide by.
    """
    labels = np.array([sample.label for sample in test])
    judge = _mean_of_kinds if average_kinds else _all_together
    measured = {name: judge(test, values) for name, values in scores.items()}
    oracle = ranking.youden_threshold(labels, scores[SCORE])
    return Metrics(
        score=measured.pop(SCORE),
        parts=measured,
        is_mean_of_kinds=average_kinds,
        auroc_by_kind=auroc_by_kind(test, scores),
        operating_point=_decisions(labels, scores[SCORE], val_scores),
        threshold_quantile=THRESHOLD_QUANTILE,
        oracle_operating_point=ranking.operating_point(labels, scores[SCORE], oracle),
    )


def _decisions(
    labels: NDArray[np.int_], scores: NDArray[np.float64], val_scores: Columns | None
) -> ranking.OperatingPoint | None:
    if val_scores is None:
        return None
    threshold = ranking.normal_quantile_threshold(val_scores[SCORE], THRESHOLD_QUANTILE)
    return ranking.operating_point(labels, scores, threshold)


def _all_together(test: Sequence[Judged], values: NDArray[np.float64]) -> ScoreMetrics:
    labels = np.array([sample.label for sample in test])
    return ScoreMetrics(
        auroc=ranking.auroc(labels, values),
        auroc_interval=auroc_interval(labels, values, [sample.group for sample in test]),
        average_precision=ranking.average_precision(labels, values),
        fpr_at_95_tpr=ranking.fpr_at_tpr(labels, values, 0.95),
    )


def _mean_of_kinds(test: Sequence[Judged], values: NDArray[np.float64]) -> ScoreMetrics:
    kinds = sorted({sample.kind for sample in test if sample.label == ANOMALOUS})
    classes = np.array([0 if s.label == NORMAL else 1 + kinds.index(s.kind) for s in test])
    chosen = [(classes == 0) | (classes == kind) for kind in range(1, len(kinds) + 1)]

    def mean(metric: Callable[[NDArray[np.bool_], NDArray[np.float64]], float]) -> float:
        return float(np.mean([metric(classes[part] > 0, values[part]) for part in chosen]))

    return ScoreMetrics(
        auroc=mean(ranking.auroc),
        auroc_interval=mean_auroc_interval(classes, values, [sample.group for sample in test]),
        average_precision=mean(ranking.average_precision),
        fpr_at_95_tpr=mean(partial(ranking.fpr_at_tpr, tpr=0.95)),
    )


def auroc_by_kind(test: Sequence[Judged], scores: Columns) -> dict[str, dict[str, float]]:
    """Each kind of anomaly against all normal test images, for the score and each part."""
    kinds = np.array([sample.kind for sample in test])
    labels = np.array([sample.label for sample in test])
    table: dict[str, dict[str, float]] = {}
    for kind in sorted({sample.kind for sample in test if sample.label == ANOMALOUS}):
        chosen = (labels == NORMAL) | ((kinds == kind) & (labels == ANOMALOUS))
        table[kind] = {name: ranking.auroc(labels[chosen], values[chosen]) for name, values in scores.items()}
    return table
