"""Pixel and region metrics as a table in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.interval_text import interval_text
from bench.metrics.pixel_results import Figure, PixelFigures, PixelMetrics
from bench.metrics.pools import PRO_LIMIT

MOST_COLUMNS = 3  # kinds of anomaly that still fit beside each other


def pixel_report(pixel: PixelMetrics) -> RenderableType:
    """Every figure with its interval, and by kind."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    kinds = pixel.by_kind if 1 < len(pixel.by_kind) <= MOST_COLUMNS else {}
    table.add_column("pixels")
    table.add_column("mean of kinds" if pixel.is_mean_of_kinds else "all", justify="right")
    table.add_column("95 % interval")
    for kind in kinds:
        table.add_column(escape(kind), justify="right")
    by_kind = [dict(named_figures(figures)) for figures in kinds.values()]
    for name, figure in named_figures(pixel.headline):
        table.add_row(name, *_cells(figure), *(_cells(of_kind[name])[0] for of_kind in by_kind))
    return Group(table, *_notes(pixel, shown=bool(kinds)))


def named_figures(figures: PixelFigures) -> Iterator[tuple[str, Figure | float | None]]:
    """Every figure under the name it has in tables, in their order."""
    for limit, area in figures.au_spro.items():
        yield f"AU-sPRO@{limit}", area
    yield f"AU-PRO@{PRO_LIMIT}", figures.au_pro
    yield "AUROC", figures.auroc
    yield "AP", figures.average_precision
    yield "AUPIMO", figures.aupimo
    yield "IoU", figures.iou
    yield "F1-max (oracle)", figures.f1_max_oracle


def _cells(figure: Figure | float | None) -> tuple[str, str]:
    if isinstance(figure, Figure):
        return f"{figure.value:.3f}", interval_text(figure.interval)
    return ("–" if figure is None else f"{figure:.3f}"), ""


def _notes(pixel: PixelMetrics, shown: bool) -> Iterator[str]:
    if not shown and len(pixel.by_kind) > 1:
        areas = ", ".join(f"{escape(kind)} {of.au_spro['0.05'].value:.3f}" for kind, of in pixel.by_kind.items())
        yield f"by kind     AU-sPRO@0.05 {areas}"
    if not pixel.has_saturation_rules:
        yield "            no saturation rules: every connected component is due whole, AU-sPRO equals AU-PRO"
    if pixel.threshold is None:
        yield "            no IoU: there are no maps of normal validation images to take a threshold from"
    if pixel.headline.aupimo is None:
        yield "            no AUPIMO: fewer than 100,000 pixels of normal test images"
    yield f"            {pixel.defects} defects in {pixel.images} test images, exact at native resolution"
