"""What a record measured as rows of text: name, value, interval."""

from __future__ import annotations

from dataclasses import dataclass

from bench.interval_text import interval_text
from bench.metrics.pixel_results import Figure, PixelMetrics
from bench.metrics.ranking import OperatingPoint
from bench.pixel_tables import named_figures
from bench.records.record import SCORE, Metrics, ScoreMetrics

NONE = "–"


@dataclass(frozen=True)
class Row:
    """One line of a table of figures; columns that do not apply are empty."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class FiguresTable:
    """A titled table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def figures_tables(metrics: Metrics) -> list[FiguresTable]:
    """Image level, by kind, decisions, and pixel level as far as there is any."""
    tables = [_scores(metrics), _decisions(metrics)]
    if len(metrics.auroc_by_kind) > 1:
        tables.append(_kinds(metrics))
    return tables + ([_pixels(metrics.pixel)] if metrics.pixel else [])


def _scores(metrics: Metrics) -> FiguresTable:
    pooled = "mean over the kinds of anomaly" if metrics.is_mean_of_kinds else "all anomalous images together"
    rows = [_score_row(SCORE, metrics.score), *(_score_row(name, part) for name, part in metrics.parts.items())]
    return FiguresTable(f"Images, {pooled}", ("AUROC", "95 % interval", "AP", "FPR@95TPR"), tuple(rows))


def _score_row(name: str, score: ScoreMetrics) -> Row:
    interval = interval_text(score.auroc_interval)
    return Row(name, (number(score.auroc), interval, number(score.average_precision), number(score.fpr_at_95_tpr)))


def _kinds(metrics: Metrics) -> FiguresTable:
    columns = list(dict.fromkeys(name for row in metrics.auroc_by_kind.values() for name in row))
    rows = [Row(kind, tuple(number(row.get(name)) for name in columns)) for kind, row in metrics.auroc_by_kind.items()]
    return FiguresTable("AUROC of each kind against all normal images", tuple(columns), tuple(rows))


def _decisions(metrics: Metrics) -> FiguresTable:
    share = f"{100 * metrics.threshold_quantile:g} % of normal validation images below"
    points = {share: metrics.operating_point, "Youden point (oracle)": metrics.oracle_operating_point}
    rows = [Row(name, _point_cells(point)) for name, point in points.items() if point]
    return FiguresTable(
        "Decisions at a threshold", ("threshold", "sensitivity", "specificity", "precision", "F1"), tuple(rows)
    )


def _point_cells(point: OperatingPoint) -> tuple[str, ...]:
    shares = (point.sensitivity, point.specificity, point.precision, point.f1)
    return (f"{point.threshold:.4g}", *map(number, shares))


def _pixels(pixel: PixelMetrics) -> FiguresTable:
    kinds = pixel.by_kind if len(pixel.by_kind) > 1 else {}
    by_kind = [dict(named_figures(figures)) for figures in kinds.values()]
    rows = [
        Row(name, (_value(figure), _interval(figure), *(_value(of_kind[name]) for of_kind in by_kind)))
        for name, figure in named_figures(pixel.headline)
    ]
    together = "mean over the kinds" if pixel.is_mean_of_kinds else "all kinds"
    return FiguresTable("Pixels, at native resolution", (together, "95 % interval", *kinds), tuple(rows))


def _value(figure: Figure | float | None) -> str:
    return number(figure.value if isinstance(figure, Figure) else figure)


def _interval(figure: Figure | float | None) -> str:
    return interval_text(figure.interval) if isinstance(figure, Figure) else ""


def number(value: float | None) -> str:
    """Three decimals, or a dash where there is none."""
    return NONE if value is None else f"{value:.3f}"
