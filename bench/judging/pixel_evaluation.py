"""From anomaly maps at native resolution and a data set's annotations to pixel and region metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.contracts import ANOMALOUS, NORMAL, Region, Sample
from bench.errors import DataError
from bench.metrics.passes import Annotation, Map, PixelImage
from bench.metrics.pixel_results import Measurement
from bench.metrics.pixels import measure, passes_over
from bench.progress import Stage

PIXEL_QUANTILE = 0.95
"""The threshold of the IoU lets through this share of the pixels of normal validation images."""


def has_annotations(test: Sequence[Sample]) -> bool:
    """Whether there is any defect that a map could point at."""
    return any(sample.regions for sample in test if sample.label == ANOMALOUS)


def measurable(test: Sequence[Sample]) -> list[int]:
    """Places of the images that pixel metrics can use: anomalous ones that nobody annotated are left out."""
    return [i for i, sample in enumerate(test) if sample.label == NORMAL or sample.regions is not None]


def measured_ids(test: Sequence[Sample]) -> list[str]:
    """Ids of the images that pixel metrics can use, in the order in which a ``Measurement`` counts them."""
    return [test[i].id for i in measurable(test)]


def maps_to_read(test: Sequence[Sample]) -> int:
    """How many steps ``measure_pixels`` reports."""
    return passes_over(pixel_images(test, lambda i: np.empty((0, 0))))


def measure_pixels(
    test: Sequence[Sample],
    read_map: Callable[[int], Map],
    average_kinds: bool,
    threshold: float | None,
    progress: Stage,
    check: Callable[[], None] = lambda: None,
) -> Measurement:
    """Metrics of the maps ``read_map(i)`` ``(H, W)`` of test image ``i``.

    ``image`` in the rows is the place in ``test``. ``check`` may raise to stop. Raises ``DataError`` on masks and maps
    that do not fit each other.
    """
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress.update(done)
        check()

    images = pixel_images(test, read_map)
    try:
        return measure(images, average_kinds=average_kinds, threshold=threshold, advance=advance)
    except ValueError as error:
        raise DataError(f"The maps cannot be measured. {error}") from error


def pixel_images(test: Sequence[Sample], read_map: Callable[[int], Map]) -> list[PixelImage]:
    """The measurable test images, each with its map and annotations, to be read when needed."""
    return [
        PixelImage(
            kind=test[i].kind,
            is_normal=test[i].label == NORMAL,
            read_map=partial(read_map, i),
            read_annotations=partial(_annotations, test[i].regions or ()),
            group=test[i].group,
            name=test[i].id,
        )
        for i in measurable(test)
    ]


def _annotations(regions: Sequence[Region]) -> list[Annotation]:
    return [_annotation(region) for region in regions]


def _annotation(region: Region) -> Annotation:
    mask = region.read()
    due = None if region.saturation is None else region.saturation_area(int(mask.sum()))
    return Annotation(mask, due, region.name)


class HighestPixels:
    """A quantile of many maps' pixels, exactly, of which only the highest are kept."""

    def __init__(self, quantile: float, pixels: int) -> None:
        """``pixels``: how many will be added in all."""
        self._kept = pixels - int(np.ceil(quantile * pixels)) + 1
        self._values = np.empty(0, dtype=np.float32)

    def add(self, values: NDArray[np.float32]) -> None:
        joined = np.concatenate([self._values, values.reshape(-1)])
        surplus = len(joined) - self._kept
        self._values = np.partition(joined, surplus)[surplus:] if surplus > 0 else joined

    def threshold(self) -> float | None:
        """The lowest threshold at which at least the quantile of the pixels stay below it; ``None`` without pixels."""
        if not len(self._values):
            return None
        return float(np.nextafter(np.float64(self._values.min()), np.inf))
