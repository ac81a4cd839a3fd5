"""AUPIMO: the recall within each anomalous image where hardly a normal pixel is called anomalous.

The false positive rate is that of the normal images alone: the mean over them of each one's share of pixels at or
above the threshold. An image's AUPIMO is the mean of its recall over the logarithm of that rate, between ``LOWEST``
and ``HIGHEST`` (Bertoldo et al., BMVC 2024). The recall at a rate is the best that any threshold attains within it,
so that the integral has a closed form and needs no list of thresholds: a pixel adds the share of the range, on the
logarithmic scale, that lies above the rate at which it is found.
"""

from __future__ import annotations

import numpy as np

from bench.metrics.regions import FloatArray, Values

LOWEST, HIGHEST = 1e-5, 1e-4
_ROOM = 1_000_000
"""Pixels that are held beyond those that decide, before it is looked which do."""


class NormalTail:
    """The highest pixels of each normal image: as many as decide rates up to ``HIGHEST``."""

    def __init__(self, normal_images: int) -> None:
        self._images = normal_images
        self._values: list[Values] = []
        self._weights: list[FloatArray] = []
        self._pixels, self._held, self._next_pruning = 0, 0, _ROOM

    def add(self, pixels: Values) -> None:
        """``(n,)`` ascending map values of one normal image."""
        # One image alone may push the mean up to HIGHEST: then this share of it lies above the threshold.
        kept = min(len(pixels), int(self._images * HIGHEST * len(pixels)) + 1)
        self._values.append(pixels[len(pixels) - kept :].copy())
        self._weights.append(np.full(kept, 1 / (len(pixels) * self._images)))
        self._pixels += len(pixels)
        self._held += kept
        if self._held > self._next_pruning:
            self._prune()

    def _prune(self) -> None:
        """Drop what lies below pixels that make up a rate of ``HIGHEST`` already: more images only add to it."""
        values, weights = descending(np.concatenate(self._values), np.concatenate(self._weights))
        kept = int(np.searchsorted(np.cumsum(weights), HIGHEST)) + 1
        self._values, self._weights = [values[:kept]], [weights[:kept]]
        self._held = len(values[:kept])
        self._next_pruning = 2 * self._held + _ROOM

    @property
    def resolves(self) -> bool:
        """Whether there are normal pixels enough for a rate as low as ``LOWEST``."""
        return self._pixels >= round(1 / LOWEST)

    def sorted(self) -> SortedTail:
        """Ready to be asked."""
        return SortedTail(np.concatenate(self._values), np.concatenate(self._weights))


def descending(values: Values, weights: FloatArray) -> tuple[Values, FloatArray]:
    """Values from the highest down, each with its weight."""
    order = np.argsort(values)[::-1]
    return values[order], weights[order]


class SortedTail:
    """Rates of the normal images above any threshold."""

    def __init__(self, values: Values, weights: FloatArray) -> None:
        highest_first, weights = descending(values, weights)
        self._values = highest_first[::-1]
        self._reaching = np.concatenate([np.cumsum(weights)[::-1], [0.0]])

    def aupimo(self, defect_pixels: Values) -> float:
        """AUPIMO of one anomalous image from the map values ``(n,)`` of its defect pixels."""
        rates = self._reaching[np.searchsorted(self._values, defect_pixels, side="left")]
        share = np.log(HIGHEST / rates.clip(LOWEST, HIGHEST)) / np.log(HIGHEST / LOWEST)
        return float(share.mean())
