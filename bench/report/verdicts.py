"""Every test image of a run with its rank and what the validation threshold makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.contracts import NORMAL
from bench.metrics.ranking import midranks
from bench.records.saved import SavedRun


@dataclass(frozen=True)
class Judged:
    """One test image as a run saw it."""

    id: str
    label: int
    kind: str
    group: str | None
    score: float
    rank: float
    """1 is the most anomalous; equal scores share the mean of their ranks."""
    verdict: str

    @property
    def is_normal(self) -> bool:
        return self.label == NORMAL


def judged(run: SavedRun) -> list[Judged]:
    """All test images, in the order of the data set."""
    threshold = threshold_of(run)
    facts = zip(run.scores["id"], run.labels, run.scores["kind"], run.groups, run.score, ranks(run), strict=True)
    return [
        Judged(str(name), int(label), str(kind), group, float(score), float(rank), _verdict(label, score, threshold))
        for name, label, kind, group, score, rank in facts
    ]


def ranks(run: SavedRun) -> list[float]:
    """Rank of each test image, 1 for the highest score."""
    return [float(rank) for rank in midranks(-run.score)]


def threshold_of(run: SavedRun) -> float | None:
    """The threshold taken from normal validation images; ``None`` where the run had none."""
    metrics = run.record.metrics
    return metrics.operating_point.threshold if metrics and metrics.operating_point else None


def _verdict(label: np.int64, score: float, threshold: float | None) -> str:
    if threshold is None:
        return "no threshold"
    called = score >= threshold
    if label == NORMAL:
        return "false alarm" if called else "passed"
    return "found" if called else "missed"


def by_score(images: list[Judged]) -> list[Judged]:
    """The most anomalous first."""
    return sorted(images, key=lambda image: (-image.score, image.id))


def worst_mistakes(images: list[Judged], most: int) -> tuple[list[Judged], list[Judged]]:
    """Normal images that score highest, and anomalous ones that score lowest; the worst first."""
    ordered = by_score(images)
    normal = [image for image in ordered if image.is_normal]
    anomalous = [image for image in reversed(ordered) if not image.is_normal]
    return normal[:most], anomalous[:most]
