"""Figures of several tasks on the same test images, as ten digits are: how far they go up and down together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bench.metrics.ranking import FloatArray


def covariance_over_images(influences: Sequence[FloatArray], units: Sequence[Sequence[str]]) -> FloatArray:
    """Covariance ``(K, K)`` of K figures from the influences ``(N_k,)`` of their images (``bench.statistics.delong``).

    ``units`` names the image, or the group it must not be separated from: what two figures share makes them go
    together. Without anything shared it is the diagonal of their variances.
    """
    names, places = np.unique(np.concatenate([np.asarray(of, dtype=object) for of in units]), return_inverse=True)
    table, begin = np.zeros((len(units), len(names))), 0
    for row, of in zip(table, influences, strict=True):
        np.add.at(row, places[begin : begin + len(of)], of)
        begin += len(of)
    return np.asarray(table @ table.T)


def correlations(covariance: FloatArray, variances: ArrayLike) -> FloatArray:
    """Correlations ``(K, K)`` of figures that ``covariance`` ties together.

    ``variances`` ``(K,)`` hold all chance, that of seeds too, which no two tasks share; they count where they are
    larger than the diagonal. A figure that does not vary is tied to none.
    """
    spread = np.sqrt(np.maximum(np.asarray(variances, dtype=np.float64), np.diag(covariance)))
    scale = np.outer(spread, spread)
    found: FloatArray = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    np.fill_diagonal(found, 1.0)
    return found
