"""The figures of a record as a short JSON object: by kind of anomaly, and their mean or all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.metrics.pixel_results import Figure, PixelFigures, PixelMetrics
from bench.metrics.pools import PRO_LIMIT
from bench.metrics.resampling import Interval
from bench.records.record import SCORE, Metrics, Record


def summary(record: Record) -> dict[str, Any]:
    """``{"image": {"auroc": {kind: …, "mean": …}}, "pixel": {"au_spro": {kind: {"0.05": …}, "mean": {…}}, …}, …}``.

    ``mean`` stands for the mean over the kinds where the data set averages them; else ``pooled`` stands for all
    anomalous images together.
    """
    assert record.metrics
    about = {"dataset": record.spec.dataset_label, "method": record.spec.method, "protocol": record.protocol_name}
    counts = record.counts.model_dump() if record.counts else None
    figures = {"image": _image(record.metrics), "pixel": _pixel(record.metrics.pixel)}
    return {**about, "marks": record.marks(), "counts": counts, **figures}


def _image(metrics: Metrics) -> dict[str, Any]:
    together = "mean" if metrics.is_mean_of_kinds else "pooled"
    by_kind = {kind: figures[SCORE] for kind, figures in metrics.auroc_by_kind.items()}
    return {
        "auroc": by_kind | {together: metrics.score.auroc},
        "auroc_interval": {together: _bounds(metrics.score.auroc_interval)},
        "average_precision": {together: metrics.score.average_precision},
        "fpr_at_95_tpr": {together: metrics.score.fpr_at_95_tpr},
    }


def _pixel(pixel: PixelMetrics | None) -> dict[str, Any] | None:
    if pixel is None:
        return None
    pools = pixel.by_kind | {"mean" if pixel.is_mean_of_kinds else "pooled": pixel.headline}
    return {
        "au_spro": _each(pools, lambda f: {limit: area.value for limit, area in f.au_spro.items()}),
        "au_spro_interval": _each(
            pools, lambda f: {limit: _bounds(area.interval) for limit, area in f.au_spro.items()}
        ),
        "au_pro": _each(pools, lambda f: {str(PRO_LIMIT): f.au_pro.value}),
        "auroc": _each(pools, lambda f: f.auroc.value),
        "average_precision": _each(pools, lambda f: f.average_precision),
        "f1_max_oracle": _each(pools, lambda f: f.f1_max_oracle),
        "aupimo": _each(pools, lambda f: _value(f.aupimo)),
        "iou": _each(pools, lambda f: _value(f.iou)),
        "au_spro_by_defect": pixel.au_spro_by_defect,
        "has_saturation_rules": pixel.has_saturation_rules,
    }


def _each(pools: Mapping[str, PixelFigures], take: Callable[[PixelFigures], Any]) -> dict[str, Any]:
    return {name: take(figures) for name, figures in pools.items()}


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else figure.value


def _bounds(interval: Interval) -> list[float | None]:
    return [interval.low, interval.high]
