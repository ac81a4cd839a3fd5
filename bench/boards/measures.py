"""Which figures of a record can stand on a board, and under which name they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bench.boards.model import Column
from bench.errors import ConfigError, unknown_name
from bench.metrics.pixel_results import Figure, PixelFigures
from bench.metrics.pools import LIMITS, PRO_LIMIT
from bench.metrics.resampling import Interval
from bench.records.record import SCORE, Metrics, Record, ScoreMetrics


@dataclass(frozen=True)
class Reading:
    """A figure of one record."""

    value: float
    interval: Interval | None = None
    by_kind: dict[str, float] | None = None


@dataclass(frozen=True)
class Measure:
    """A figure by its name."""

    key: str
    title: str
    read: Callable[[Record], Reading | None]
    """``None`` where the record does not have it."""
    higher_is_better: bool = True
    is_pixel: bool = False
    unit: Literal["share", "s", "ms"] = "share"

    def column(self, role: Literal["ranked", "beside"]) -> Column:
        return Column(self.key, self.title, role, self.higher_is_better, self.unit)

    def is_mean_of_kinds(self, metrics: Metrics) -> bool:
        """Whether the record's figure is a mean over kinds of anomaly; else all are tested at once."""
        if self.is_pixel:
            return metrics.pixel is not None and metrics.pixel.is_mean_of_kinds
        return metrics.is_mean_of_kinds


def _auroc(record: Record) -> Reading | None:
    metrics = record.metrics
    if metrics is None:
        return None
    kinds = {kind: row[SCORE] for kind, row in metrics.auroc_by_kind.items()}
    return Reading(metrics.score.auroc, metrics.score.auroc_interval, kinds)


def _score(take: Callable[[ScoreMetrics], float]) -> Callable[[Record], Reading | None]:
    return lambda record: Reading(take(record.metrics.score)) if record.metrics else None


def _pixel(take: Callable[[PixelFigures], Figure | float | None]) -> Callable[[Record], Reading | None]:
    def read(record: Record) -> Reading | None:
        pixel = record.metrics.pixel if record.metrics else None
        figure = take(pixel.headline) if pixel else None
        if pixel is None or figure is None:
            return None
        kinds = {kind: _value(found) for kind, of in pixel.by_kind.items() if (found := take(of)) is not None}
        interval = figure.interval if isinstance(figure, Figure) else None
        return Reading(_value(figure), interval, kinds)

    return read


def _value(figure: Figure | float) -> float:
    return figure.value if isinstance(figure, Figure) else figure


def _area(limit: str) -> Measure:
    return Measure(f"au_spro@{limit}", f"AU-sPRO@{limit}", _pixel(lambda f: f.au_spro.get(limit)), is_pixel=True)


def _fit(record: Record) -> Reading | None:
    return Reading(record.seconds["fit"]) if "fit" in record.seconds else None


def _per_image(record: Record) -> Reading | None:
    counts = record.counts
    scored = counts.val + counts.test_normal + counts.test_anomalous if counts else 0
    return Reading(1000 * record.seconds["score"] / scored) if scored and "score" in record.seconds else None


_KNOWN = (
    Measure("auroc", "AUROC", _auroc),
    Measure("average_precision", "AP", _score(lambda s: s.average_precision)),
    Measure("fpr_at_95_tpr", "FPR@95TPR", _score(lambda s: s.fpr_at_95_tpr), higher_is_better=False),
    *(_area(str(limit)) for limit in LIMITS),
    Measure(f"au_pro@{PRO_LIMIT}", f"AU-PRO@{PRO_LIMIT}", _pixel(lambda f: f.au_pro), is_pixel=True),
    Measure("pixel_auroc", "pixel AUROC", _pixel(lambda f: f.auroc), is_pixel=True),
    Measure("pixel_average_precision", "pixel AP", _pixel(lambda f: f.average_precision), is_pixel=True),
    Measure("aupimo", "AUPIMO", _pixel(lambda f: f.aupimo), is_pixel=True),
    Measure("iou", "IoU", _pixel(lambda f: f.iou), is_pixel=True),
)
MEASURES = {measure.key: measure for measure in _KNOWN}
"""What may be ranked by. F1-max and the Youden point look at test labels and are no results."""
TIMES = (
    Measure("fit", "fit", _fit, higher_is_better=False, unit="s"),
    Measure("per_image", "per image", _per_image, higher_is_better=False, unit="ms"),
)
"""Of the runs on their devices; indicative."""
AFTER_A_RUN = (*(MEASURES[key] for key in ("auroc", "average_precision", "fpr_at_95_tpr", "au_spro@0.05")), *TIMES)
"""What ``bench run`` ends with."""


def parse_measures(text: str) -> tuple[Measure, ...]:
    """``au_spro@0.05,auroc``: the first ranks, others stand beside it; raises ``ConfigError`` with the nearest."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ConfigError(f"Expected a metric after --metric, such as auroc, found '{text}'. See docs/metrics.md.")
    for name in names:
        if name not in MEASURES:
            raise unknown_name("metric", name, MEASURES, "See docs/metrics.md.")
    return tuple(MEASURES[name] for name in names)
