"""Exact areas under region-overlap curves: AU-sPRO, AU-PRO and pixel AUROC are one sum with other areas and limits.

For a pixel of a defect let ``low`` and ``high`` be the shares of defect-free pixels scoring above it, and above or
equal to it. As the false positive rate F grows from 0, the pixel is counted as found from ``low`` on for a part that
rises linearly to the whole at ``high``: that is what trapezoids between neighbouring thresholds mean. So it adds

    w(L) = integral over F from 0 to L  =  L - (low + high) / 2          where high <= L
                                           (L - low)^2 / 2(high - low)   where the limit falls between the two
                                           0                             where low >= L

and the area under the curve of a defect with saturation area ``a`` is the sum of ``w(L) / (a L)`` over its ``a``
highest-scoring pixels. No list of thresholds is needed; ties are exact. The definition of sPRO: Bergmann et al., IJCV
2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[np.floating]
"""Map values ``(n,)``, float32 or float64, ascending."""

Counts = NDArray[np.int64]
FloatArray = NDArray[np.float64]
MaskArray = NDArray[np.bool_]

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Defect:
    """What the curves need of one defect: its highest-scoring pixels, as many as are due."""

    name: str
    area: int
    due: Values
    """``(saturation_area,)``, ascending."""

    @property
    def saturation_area(self) -> int:
        return len(self.due)


def highest(values: Values, wanted: int) -> Values:
    """The ``wanted`` highest of ``(n,)`` values, ascending."""
    return np.sort(values)[len(values) - wanted :]


def components(values: Values, mask: MaskArray, name: str = "component") -> list[Defect]:
    """Each 8-connected component of ``mask`` as a defect of which all is due; ``values = map[mask]``.

    Eight neighbours, as in MVTec's evaluation code and in OpenCV.
    """
    labels = _labels(mask)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels)[1:])
    parts = np.split(values[order], ends[:-1])
    return [Defect(name, len(part), np.sort(part)) for part in parts]


def _labels(mask: MaskArray) -> NDArray[np.int32]:
    """Number of the component of each true pixel, from 1; only the part of the mask that holds any is looked at."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    labels = np.empty(inner.shape, dtype=np.int32)
    ndimage.label(inner, structure=EIGHT_NEIGHBOURS, output=labels)
    return np.asarray(labels[inner])


class NormalCounts:
    """How many defect-free pixels score below, and not above, each of ``(m,)`` ascending values; added in blocks."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.total = 0
        self._below: Counts = np.zeros(len(values), dtype=np.int64)
        self._tied: Counts = np.zeros(len(values), dtype=np.int64)

    def add(self, block: Values, among: slice = slice(None)) -> None:
        """Count ``(n,)`` ascending map values of defect-free pixels, for the values ``among`` these alone."""
        values = self.values[among]
        below = np.searchsorted(block, values, side="left")
        self._below[among] += below
        tied = np.flatnonzero(block[np.minimum(below, len(block) - 1)] == values)
        self._tied[among][tied] += np.searchsorted(block, values[tied], side="right") - below[tied]

    def added(self, pixels: int) -> None:
        """So many pixels have been counted for all values."""
        self.total += pixels

    def __add__(self, other: NormalCounts) -> NormalCounts:
        """The counts of both together; the values must be the same."""
        both = NormalCounts(self.values)
        both.total = self.total + other.total
        both._below, both._tied = self._below + other._below, self._tied + other._tied
        return both

    def reaching(self) -> Counts:
        """``(m,)`` defect-free pixels scoring at or above each value."""
        return self.total - self._below

    def above(self) -> Counts:
        """``(m,)`` defect-free pixels scoring above each value."""
        return self.total - self._below - self._tied

    def weights(self, limit: float) -> FloatArray:
        """``(m,)`` w(limit) / limit of a pixel with each value; see the top of this file."""
        weights = np.zeros(len(self.values))
        # ``low`` falls as values rise: only those from here on have a share below the limit.
        most = self.above()
        first = len(most) - int(np.searchsorted(most[::-1], limit * self.total, side="left"))
        low = most[first:] / self.total
        width = self._tied[first:] / self.total
        weights[first:] = limit - low - width / 2
        cut = np.flatnonzero(low + width > limit)
        weights[first + cut] = (limit - low[cut]) ** 2 / (2 * width[cut])
        return weights / limit


class DefectCurves:
    """The area under each defect's curve, for one pool of defect-free pixels."""

    def __init__(self, defects: Sequence[Defect], values: Values) -> None:
        """``values``: ascending, holding every value of every defect."""
        self._sizes = np.array([d.saturation_area for d in defects])
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])
        due = np.concatenate([d.due for d in defects])
        self._where = np.searchsorted(values, due).astype(np.int32 if len(values) < 2**31 else np.int64)

    def areas(self, weights: FloatArray) -> FloatArray:
        """``(defects,)`` areas, from the pool's ``weights`` at some limit."""
        return np.asarray(np.add.reduceat(weights[self._where], self._starts) / self._sizes)


def pixel_ranking(values: Values, false_alarms: Counts) -> tuple[float, float]:
    """``(average precision, highest F1)`` of pixels, over every threshold.

    ``values`` ``(m,)`` ascending are those of defect pixels, ``false_alarms`` the number of defect-free pixels at or
    above each. Both change only where a defect pixel is met, so no other threshold needs looking at. The F1 is an
    oracle: its threshold is chosen on the test itself.
    """
    m = len(values)
    is_first = np.concatenate([[True], values[1:] != values[:-1]])
    found = m - np.maximum.accumulate(np.where(is_first, np.arange(m), 0))
    precision = found / (found + false_alarms)
    f1 = 2 * found / (found + false_alarms + m)
    return float(precision.mean()), float(f1.max())
