"""What measuring anomaly maps gives: figures with intervals, and the rows of defects and images behind them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.metrics.resampling import Interval


@dataclass(frozen=True)
class Figure:
    """A value and how far it may be trusted."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class PixelFigures:
    """Figures of one pool, or their means over the kinds."""

    auroc: Figure
    average_precision: float
    f1_max_oracle: float
    """The threshold is chosen on the test itself: an upper bound, never a result."""
    au_pro: Figure
    """Up to a false positive rate of ``PRO_LIMIT``."""
    au_spro: dict[str, Figure]
    """Limit, as text, -> area."""
    aupimo: Figure | None
    """``None`` where the normal images hold too few pixels for rates of 1e-5."""
    iou: Figure | None
    """``None`` where no threshold was given."""


@dataclass(frozen=True)
class PixelMetrics:
    """What is recorded of a run's maps."""

    headline: PixelFigures
    is_mean_of_kinds: bool
    """Whether ``headline`` is the mean over the kinds; it is the pool of all images otherwise."""
    by_kind: dict[str, PixelFigures]
    au_spro_by_defect: dict[str, dict[str, dict[str, float]]]
    """Kind -> type of defect -> limit -> AU-sPRO in the kind's pool."""
    has_saturation_rules: bool
    """Whether some defect is found before all of it is; where not, AU-sPRO equals AU-PRO."""
    threshold: float | None
    """Of the IoU; taken from normal validation images."""
    images: int
    defects: int


@dataclass(frozen=True)
class DefectRow:
    """One defect; ``image`` is its place in what was measured, ``au_spro`` is by limit, in its kind's pool."""

    image: int
    kind: str
    name: str
    area: int
    saturation_area: int
    au_spro: dict[str, float]


@dataclass(frozen=True)
class ImageRow:
    """One anomalous image; ``au_spro`` is the mean over its defects, empty where it has none."""

    image: int
    kind: str
    au_spro: dict[str, float]
    aupimo: float | None
    iou: float | None


@dataclass(frozen=True)
class Measurement:
    """Metrics, and the rows behind them."""

    metrics: PixelMetrics
    defects: list[DefectRow]
    images: list[ImageRow]
