"""From scores to metrics: which figures are computed, and from what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.contracts import ANOMALOUS, NORMAL, Sample
from bench.metrics import ranking
from bench.record import Metrics, ScoreMetrics
from bench.scoring import SCORE, Columns
from bench.statistics import auroc_interval

THRESHOLD_QUANTILE = 0.95
"""The decision threshold lets through this share of the normal validation images."""


def evaluate(test: Sequence[Sample], scores: Columns, val_scores: Columns) -> Metrics:
    """Image-level metrics of the main score and of each part."""
    labels = np.array([sample.label for sample in test])
    groups = [sample.group for sample in test]
    measured = {name: _score_metrics(labels, values, groups) for name, values in scores.items()}
    threshold = ranking.normal_quantile_threshold(val_scores[SCORE], THRESHOLD_QUANTILE)
    oracle = ranking.youden_threshold(labels, scores[SCORE])
    return Metrics(
        score=measured.pop(SCORE),
        parts=measured,
        auroc_by_kind=auroc_by_kind(test, scores),
        operating_point=ranking.operating_point(labels, scores[SCORE], threshold),
        threshold_quantile=THRESHOLD_QUANTILE,
        oracle_operating_point=ranking.operating_point(labels, scores[SCORE], oracle),
    )


def _score_metrics(labels: NDArray[np.int_], values: NDArray[np.float64], groups: list[str | None]) -> ScoreMetrics:
    return ScoreMetrics(
        auroc=ranking.auroc(labels, values),
        auroc_interval=auroc_interval(labels, values, groups),
        average_precision=ranking.average_precision(labels, values),
        fpr_at_95_tpr=ranking.fpr_at_tpr(labels, values, 0.95),
    )


def auroc_by_kind(test: Sequence[Sample], scores: Columns) -> dict[str, dict[str, float]]:
    """Each kind of anomaly against all normal test images, for the score and each part."""
    kinds = np.array([sample.kind for sample in test])
    labels = np.array([sample.label for sample in test])
    table: dict[str, dict[str, float]] = {}
    for kind in sorted({sample.kind for sample in test if sample.label == ANOMALOUS}):
        chosen = (labels == NORMAL) | ((kinds == kind) & (labels == ANOMALOUS))
        table[kind] = {name: ranking.auroc(labels[chosen], values[chosen]) for name, values in scores.items()}
    return table
