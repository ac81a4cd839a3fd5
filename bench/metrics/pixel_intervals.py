"""Intervals of pixel and region figures: images, or the groups they come in, are drawn again and the curves redrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.curves import ImageCurves, reaching, shares_found
from bench.metrics.passes import AnnotatedImage, NormalPixels, PixelImage
from bench.metrics.pixel_results import Figure, PixelFigures
from bench.metrics.pools import LIMITS, PRO_LIMIT, Pool
from bench.metrics.regions import FloatArray, Values
from bench.metrics.resampling import GroupBootstrap, Interval, percentile_interval

LEVEL = 0.95
PIXELS, COMPONENTS, DEFECTS = "pixels", "components", "defects"
WANTED = {PIXELS: (1.0,), COMPONENTS: (PRO_LIMIT,), DEFECTS: LIMITS}

Named = Mapping[str, float]
Drawn = dict[str, FloatArray]
"""Name of a figure -> its values ``(resamples,)``."""


def image_curves(annotated: Sequence[AnnotatedImage], normal: NormalPixels, grid: Values) -> ImageCurves:
    """The curves of all N images."""
    curves = ImageCurves(normal.false_alarms, normal.totals)
    for family in WANTED:
        found, due = np.zeros(normal.false_alarms.shape), np.zeros(len(normal.totals))
        for image in annotated:
            found[image.index], due[image.index] = _found(family, image, grid)
        curves.add(family, found, due)
    return curves


def _found(family: str, image: AnnotatedImage, grid: Values) -> tuple[FloatArray, int]:
    """What an image adds to a family's curve: found at each threshold, and due in all."""
    if family == PIXELS:
        pixels = np.sort(image.defect_pixels())
        return reaching(pixels, grid).astype(np.float64), len(pixels)
    defects = image.components if family == COMPONENTS else image.defects
    return shares_found(defects, grid), len(defects)


class Judge:
    """Figures of pools, each with its interval.

    ``per_image``: name of a further figure -> ``(N,)`` values whose mean it is, NaN where an image has none.
    """

    def __init__(
        self,
        images: Sequence[PixelImage],
        curves: ImageCurves,
        per_image: Mapping[str, FloatArray],
        resamples: int,
        seed: int,
    ) -> None:
        self._curves, self._per_image = curves, per_image
        self._kinds = ["" if image.is_normal else image.kind for image in images]
        self._groups = [image.group for image in images]
        self._resamples, self._seed = resamples, seed

    def by_kind(self, pools: Mapping[str, Pool]) -> tuple[dict[str, PixelFigures], PixelFigures]:
        """Figures of each kind's pool, and their means; every kind is drawn among itself."""
        classes = {"": 0} | {name: number for number, name in enumerate(pools, 1)}
        bootstrap = self._bootstrap([classes[kind] for kind in self._kinds])
        exact = {name: self._exact(pool) for name, pool in pools.items()}
        drawn = {name: self._drawn(bootstrap, pool, exact[name]) for name, pool in pools.items()}
        figures = {name: _figures(exact[name], drawn[name], bootstrap, (0, classes[name])) for name in pools}
        means = _figures(_means(exact), _means(drawn), bootstrap, tuple(classes.values()))
        return figures, means

    def pooled(self, pool: Pool) -> PixelFigures:
        """Figures of all images together, normal and anomalous ones drawn among themselves."""
        bootstrap = self._bootstrap([int(kind != "") for kind in self._kinds])
        exact = self._exact(pool)
        return _figures(exact, self._drawn(bootstrap, pool, exact), bootstrap, (0, 1))

    def _bootstrap(self, classes: Sequence[int]) -> GroupBootstrap:
        return GroupBootstrap(np.array(classes), self._groups, self._resamples, self._seed)

    def _exact(self, pool: Pool) -> Named:
        members = pool.members(self._kinds)
        means = {name: values[members & np.isfinite(values)] for name, values in self._per_image.items()}
        return pool.figures() | {name: float(values.mean()) for name, values in means.items() if len(values)}

    def _drawn(self, bootstrap: GroupBootstrap, pool: Pool, exact: Named) -> Drawn:
        """Values of each figure, moved by what the grid misses of the exact one."""
        if not self._resamples:
            return {}
        members = pool.members(self._kinds).astype(np.int64)[:, None]
        blocks = [self._redrawn(weights * members) for weights in bootstrap.weights()]
        as_they_are = self._redrawn(members)
        drawn = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        missed = {name: exact[name] - as_they_are[name] for name in drawn if name in exact}
        return {name: (drawn[name] + moved).clip(0, 1) for name, moved in missed.items()}

    def _redrawn(self, weights: NDArray[np.int64]) -> Drawn:
        areas = self._curves.areas(weights, WANTED)
        redrawn = {"auroc": areas[PIXELS][0], "au_pro": areas[COMPONENTS][0]}
        redrawn |= {f"au_spro@{limit}": area for limit, area in zip(LIMITS, areas[DEFECTS], strict=True)}
        return redrawn | {name: _weighted_mean(values, weights) for name, values in self._per_image.items()}


def _weighted_mean(values: FloatArray, weights: NDArray[np.int64]) -> FloatArray:
    has = np.isfinite(values)
    total = weights[has].sum(axis=0)
    mean: FloatArray = np.divide(values[has] @ weights[has], total, out=np.full(total.shape, np.nan), where=total > 0)
    return mean


def _means(of_kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The mean over the kinds of each figure that all of them have."""
    kinds = list(of_kinds.values())
    shared = [name for name in kinds[0] if all(name in kind for kind in kinds)]
    return {name: sum(kind[name] for kind in kinds) / len(kinds) for name in shared}


def _figures(exact: Named, drawn: Drawn, bootstrap: GroupBootstrap, classes: Sequence[int]) -> PixelFigures:
    def figure(name: str) -> Figure:
        return Figure(exact[name], _interval(drawn.get(name), bootstrap, classes))

    return PixelFigures(
        auroc=figure("auroc"),
        average_precision=exact["average_precision"],
        f1_max_oracle=exact["f1_max_oracle"],
        au_pro=figure("au_pro"),
        au_spro={str(limit): figure(f"au_spro@{limit}") for limit in LIMITS},
        aupimo=figure("aupimo") if "aupimo" in exact else None,
        iou=figure("iou") if "iou" in exact else None,
    )


def _interval(drawn: FloatArray | None, bootstrap: GroupBootstrap, classes: Sequence[int]) -> Interval:
    """The interval, or why there is none; ``classes`` are those of the bootstrap that it depends on."""
    none = partial(Interval, None, None, LEVEL, bootstrap.method)
    if drawn is None:
        return none("no resamples were asked for")
    if any(bootstrap.drawn(each) < 2 for each in classes):
        return none("fewer than two groups of some kind of image to draw from")
    if not np.isfinite(drawn).all():
        return none("some resamples hold no defect")
    return percentile_interval(drawn, LEVEL, bootstrap.method)
