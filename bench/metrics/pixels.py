"""How well anomaly maps point at defects: exact pixel and region metrics at native resolution, streamed.

Two passes (``passes.py``). The first reads the anomalous images and keeps the map values of their defect pixels, a few
per cent of all pixels. The second reads every image, one at a time, and counts its defect-free pixels among those
values. So memory grows with the number of annotated pixels, not with the number of images. Every figure is exact, ties
included (``regions.py``); only the intervals use a grid of thresholds (``curves.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.metrics.curves import thinned, threshold_grid
from bench.metrics.passes import (
    AnnotatedImage,
    Annotation,
    NormalPixels,
    PixelImage,
    read_defects,
    read_normal_pixels,
)
from bench.metrics.pixel_intervals import Judge, image_curves
from bench.metrics.pixel_results import DefectRow, ImageRow, Measurement, PixelMetrics
from bench.metrics.pools import LIMITS, PRO_LIMIT, Kind, Pool
from bench.metrics.regions import FloatArray, NormalCounts, Values

__all__ = ["LIMITS", "PRO_LIMIT", "Annotation", "Measurement", "PixelImage", "measure", "passes_over"]


def passes_over(images: Sequence[PixelImage]) -> int:
    """How many maps ``measure`` reads: those of anomalous images twice."""
    return len(images) + sum(not image.is_normal for image in images)


def measure(
    images: Sequence[PixelImage],
    *,
    average_kinds: bool,
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Measurement:
    """Every pixel and region metric of ``images``, normal and anomalous.

    Args:
        images: Normal images without annotations, anomalous ones with theirs; those nobody annotated are left out.
        average_kinds: Whether the headline is the mean over the kinds of anomaly; else all images are one pool.
        threshold: Pixels at or above it are called anomalous for the IoU; without one there is no IoU.
        resamples: Draws behind each interval; 0 leaves the intervals out.
        seed: Of the draws.
        advance: Called after each map read, ``passes_over(images)`` times.

    Raises:
        ValueError: A map that is not two-dimensional or not finite, a mask that does not fit its map or is empty, a
            normal image with defects, no normal image, or a kind without any defect.
    """
    _check(images)
    annotated = read_defects(images, advance)
    _require_defects(annotated)
    grid = threshold_grid(*_samples(annotated))
    kinds = [Kind(name, annotated) for name in sorted({a.kind for a in annotated})]
    normal = read_normal_pixels(images, annotated, sinks_of(kinds, average_kinds), grid, threshold, advance)
    per_image = _per_image(annotated, normal, threshold)
    pools = {kind.name: Pool.of(kind) for kind in kinds}
    judge = Judge(images, image_curves(annotated, normal, grid), per_image, resamples, seed)
    by_kind, mean = judge.by_kind(pools)
    defects = _defect_rows(pools)
    metrics = PixelMetrics(
        headline=mean if average_kinds else judge.pooled(Pool.of_all(kinds)),
        is_mean_of_kinds=average_kinds,
        by_kind=by_kind,
        au_spro_by_defect=_by_defect(defects),
        has_saturation_rules=any(kind.has_rules for kind in kinds),
        threshold=threshold,
        images=len(images),
        defects=len(defects),
    )
    return Measurement(metrics, defects, _image_rows(annotated, defects, per_image))


def _check(images: Sequence[PixelImage]) -> None:
    normal = sum(image.is_normal for image in images)
    if normal in (0, len(images)):
        raise ValueError(f"Expected normal and anomalous images, found {normal} and {len(images) - normal}.")
    for i, image in enumerate(images):
        if image.is_normal and image.read_annotations():
            raise ValueError(f"Image {image.name or i}: expected no defects in a normal image.")


def _require_defects(annotated: Sequence[AnnotatedImage]) -> None:
    for kind in sorted({a.kind for a in annotated}):
        if not any(a.components for a in annotated if a.kind == kind):
            raise ValueError(f"Expected at least one defect of kind '{kind}', found none.")


def _samples(annotated: Sequence[AnnotatedImage]) -> tuple[Values, Values]:
    """Some defect pixels and some defect-free ones, to choose the grid from."""
    return (
        np.concatenate([thinned(a.defect_pixels()) for a in annotated]),
        np.concatenate([a.normal_sample for a in annotated]),
    )


def sinks_of(kinds: Sequence[Kind], average_kinds: bool) -> Callable[[str | None], Sequence[NormalCounts]]:
    """Where the defect-free pixels of a kind, or of the normal images, are counted."""

    def sinks(name: str | None) -> Sequence[NormalCounts]:
        own = [kind.own for kind in kinds if name in (None, kind.name)]
        return own if average_kinds or name is None else own + [k.others for k in kinds if k.name != name]

    return sinks


def _per_image(
    annotated: Sequence[AnnotatedImage], normal: NormalPixels, threshold: float | None
) -> dict[str, FloatArray]:
    """AUPIMO and IoU ``(N,)`` of each image with defects, NaN elsewhere; left out where they cannot be had."""
    tail = normal.tail.sorted() if normal.tail.resolves else None
    figures = {name: np.full(len(normal.totals), np.nan) for name in ("aupimo", "iou")}
    for image in annotated:
        pixels = image.defect_pixels()
        if tail and len(pixels):
            figures["aupimo"][image.index] = tail.aupimo(pixels)
        if threshold is not None and len(pixels):
            found = int((pixels >= np.float64(threshold)).sum())  # a plain float would be rounded to float32
            figures["iou"][image.index] = found / (len(pixels) + normal.at_threshold[image.index])
    return {name: values for name, values in figures.items() if np.isfinite(values).any()}


def _defect_rows(pools: Mapping[str, Pool]) -> list[DefectRow]:
    rows = []
    for pool in pools.values():
        (kind,) = pool.kinds
        for i, (image, defect) in enumerate(kind.defects):
            areas = {str(limit): float(values[i]) for limit, values in pool.defect_areas.items()}
            rows.append(DefectRow(image, kind.name, defect.name, defect.area, defect.saturation_area, areas))
    return sorted(rows, key=lambda row: row.image)


def _by_defect(rows: Sequence[DefectRow]) -> dict[str, dict[str, dict[str, float]]]:
    grouped: dict[str, dict[str, list[DefectRow]]] = {}
    for row in rows:
        grouped.setdefault(row.kind, {}).setdefault(row.name, []).append(row)
    return {kind: {name: _mean_areas(same) for name, same in sorted(names.items())} for kind, names in grouped.items()}


def _mean_areas(rows: Sequence[DefectRow]) -> dict[str, float]:
    limits = rows[0].au_spro if rows else ()
    return {limit: float(np.mean([row.au_spro[limit] for row in rows])) for limit in limits}


def _image_rows(
    annotated: Sequence[AnnotatedImage], defects: Sequence[DefectRow], per_image: Mapping[str, FloatArray]
) -> list[ImageRow]:
    of_image: dict[int, list[DefectRow]] = {}
    for row in defects:
        of_image.setdefault(row.image, []).append(row)

    def figure(name: str, image: AnnotatedImage) -> float | None:
        return float(per_image[name][image.index]) if name in per_image and image.components else None

    return [
        ImageRow(a.index, a.kind, _mean_areas(of_image.get(a.index, [])), figure("aupimo", a), figure("iou", a))
        for a in annotated
    ]
