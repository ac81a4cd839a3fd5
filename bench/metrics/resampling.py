"""Drawing groups of images again: what intervals are made from where images come in patients, volumes or parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.metrics.ranking import FloatArray, IntArray

CELLS_AT_ONCE = 4_000_000
"""Images times resamples held in memory together: 32 MB for each array of them."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval. ``low`` and ``high`` are ``None`` exactly where ``degenerate`` says why there is none."""

    low: float | None
    high: float | None
    level: float
    method: str
    degenerate: str | None = None


def percentile_interval(drawn: FloatArray, level: float, method: str) -> Interval:
    """The interval that holds the middle ``level`` of ``(resamples,)`` values."""
    low, high = (float(bound) for bound in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    if low == high:
        return Interval(None, None, level, method, "the resamples do not vary")
    return Interval(low, high, level, method)


class GroupBootstrap:
    """Draws whole groups with replacement; groups that hold the same classes of images are drawn among themselves.

    So every resample has images of every class. ``classes`` ``(N,)`` are whole numbers from 0, such as normal and
    anomalous. Raises ``ValueError`` on groups that are neither text nor ``None``.
    """

    def __init__(self, classes: IntArray, groups: Sequence[str | None], resamples: int, seed: int) -> None:
        self.resamples, self._seed = resamples, seed
        self._members = group_numbers(groups)
        held = np.zeros((self._members.max() + 1, classes.max() + 1), dtype=bool)
        held[self._members, classes] = True
        self._patterns, stratum = np.unique(held, axis=0, return_inverse=True)
        numbers = stratum.reshape(-1)
        self._strata = [np.flatnonzero(numbers == i) for i in range(len(self._patterns))]

    @property
    def method(self) -> str:
        sizes = [len(stratum) for stratum in self._strata]
        alone = sizes.count(1)
        note = f", {alone} of them alone of their kind and in every resample" if alone else ""
        return f"bootstrap of {sum(sizes)} groups{note}, {self.resamples} resamples, percentile"

    @property
    def identity(self) -> bytes:
        """Equal for two that draw the same: images in the same groups, as often, from the same seed."""
        return self._members.tobytes() + f"|{len(self._patterns)}|{self.resamples}|{self._seed}".encode()

    def drawn(self, of_class: int) -> int:
        """How many groups with images of that class take part in a draw; one alone of its kind does not."""
        sizes = [len(stratum) if len(stratum) > 1 else 0 for stratum in self._strata]
        return int(np.dot(sizes, self._patterns[:, of_class]))

    def weights(self) -> Iterator[IntArray]:
        """How often each of N images is in each resample, ``(N, resamples)`` in blocks."""
        rng = np.random.default_rng(self._seed)
        for size in _block_sizes(self.resamples, at_most=max(1, CELLS_AT_ONCE // len(self._members))):
            yield self._drawn_times(size, rng)[self._members]

    def _drawn_times(self, resamples: int, rng: np.random.Generator) -> IntArray:
        """``(groups, resamples)``: how often each group is in each resample."""
        times = np.zeros((sum(map(len, self._strata)), resamples), dtype=np.int64)
        for stratum in self._strata:
            n = len(stratum)
            cells = rng.integers(n, size=(n, resamples)) * resamples + np.arange(resamples)
            times[stratum] = np.bincount(cells.ravel(), minlength=n * resamples).reshape(n, resamples)
        return times


def _block_sizes(total: int, at_most: int) -> Iterator[int]:
    for start in range(0, total, at_most):
        yield min(at_most, total - start)


def group_numbers(groups: Sequence[str | None]) -> IntArray:
    """A number for each group in order of appearance; every ``None`` gets one of its own."""
    numbers: dict[object, int] = {}
    for name in groups:
        if not (name is None or isinstance(name, str)):
            raise ValueError(f"Expected groups named by text or None, found {name!r}.")
    return np.array(
        [numbers.setdefault(object() if name is None else name, len(numbers)) for name in groups], dtype=np.int64
    )
