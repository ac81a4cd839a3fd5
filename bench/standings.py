"""Which method ranks where, computed from the records of a request: a ranking for each data set and preset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.record import Record
from bench.resampling import Interval


@dataclass(frozen=True)
class Standing:
    """One method on one data set; with several seeds every figure is their mean."""

    method: str
    view: str
    trivial: bool
    seeds: int
    auroc: float
    lowest: float
    """AUROC of the worst seed."""
    highest: float
    interval: Interval | None
    """Of the only seed; several have their range instead."""
    average_precision: float
    fpr_at_95_tpr: float
    au_spro: float | None
    """Up to a false positive rate of 0.05; ``None`` without maps or annotations."""
    fit_seconds: float
    seconds_per_image: float


@dataclass(frozen=True)
class Standings:
    """All methods on one data set under one preset, best first."""

    dataset: str
    marks: tuple[str, ...]
    rows: tuple[Standing, ...]
    missing: tuple[Record, ...]
    """Runs without a result."""

    @property
    def line(self) -> Standing | None:
        """The best of the trivial baselines: what a method has to beat."""
        return next((row for row in self.rows if row.trivial), None)

    def is_below_line(self, row: Standing) -> bool:
        """Whether a method does worse than a trivial baseline."""
        return self.line is not None and not row.trivial and row.auroc < self.line.auroc


def standings(records: Sequence[Record]) -> list[Standings]:
    """Records grouped by what may be compared: the data and their protocol, and the preset."""
    groups = groupby(sorted(records, key=_comparable), key=_comparable)
    return [_ranked(list(group)) for _, group in groups]


def _comparable(record: Record) -> tuple[str, str, str, str]:
    return (record.spec.dataset_label, record.spec.preset, record.protocol_name, record.spec.data)


def _ranked(records: list[Record]) -> Standings:
    by_method: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.metrics:
            by_method.setdefault((record.spec.method, record.spec.view), []).append(record)
    rows = sorted((_standing(group) for group in by_method.values()), key=lambda row: (-row.auroc, row.method))
    missing = tuple(record for record in records if not record.metrics)
    return Standings(records[0].spec.dataset_label, tuple(records[0].marks()), tuple(rows), missing)


def _standing(records: Sequence[Record]) -> Standing:
    first = records[0]
    scores = [record.metrics.score for record in records if record.metrics]
    aurocs = [score.auroc for score in scores]
    return Standing(
        method=first.spec.method,
        view=first.spec.view,
        trivial=first.trivial,
        seeds=len(records),
        auroc=_mean(aurocs),
        lowest=min(aurocs),
        highest=max(aurocs),
        interval=scores[0].auroc_interval if len(records) == 1 else None,
        average_precision=_mean([score.average_precision for score in scores]),
        fpr_at_95_tpr=_mean([score.fpr_at_95_tpr for score in scores]),
        au_spro=_mean_area(records),
        fit_seconds=_mean([record.seconds.get("fit", 0.0) for record in records]),
        seconds_per_image=_mean([record.seconds.get("score", 0.0) / _scored(record) for record in records]),
    )


def _mean_area(records: Sequence[Record]) -> float | None:
    areas = [r.metrics.pixel.headline.au_spro["0.05"].value for r in records if r.metrics and r.metrics.pixel]
    return _mean(areas) if len(areas) == len(records) else None


def _scored(record: Record) -> int:
    """Images that were scored: validation and test."""
    counts = record.counts
    return max(1, counts.val + counts.test_normal + counts.test_anomalous) if counts else 1


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
