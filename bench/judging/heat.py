"""Colours of anomaly maps shown together: from their lowest value up, whatever the sign; a map may hold any number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NO_RANGE = 1e-12  # maps that are the same everywhere: all of them the lowest colour


@dataclass(frozen=True)
class HeatScale:
    """Map values of the lowest and the highest colour."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: Iterable[NDArray[Any]], top: float = 1.0) -> HeatScale:
        """From the lowest value of all maps to their ``top`` quantile."""
        values = np.concatenate([values.ravel() for values in maps])
        return cls(float(values.min()), float(np.quantile(values, top)))

    def share(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """How far up each value lies, from 0 to 1."""
        above = values.astype(np.float64) - self.low
        return (above / max(self.high - self.low, _NO_RANGE)).clip(0, 1)
