"""Methods ranked over several data sets: average ranks, and which of them the data sets do not tell apart.

After Demšar 2006 (Journal of Machine Learning Research 7, 1). Average ranks depend on who else takes part: a method
more or less may change which others are separated (Benavoli et al. 2016, same journal, 17(5), 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from bench.metrics.ranking import FloatArray
from bench.statistics.checks import check_level

ENOUGH_DATASETS = 6
"""Two methods, one better on each of n data sets: a two-sided signed-rank test is below .05 from n = 6 on."""


@dataclass(frozen=True)
class Ranks:
    """Methods over data sets, best first; rank 1 is best."""

    methods: tuple[str, ...]
    average_ranks: tuple[float, ...]
    datasets: int
    level: float
    friedman: float | None
    """Friedman's chi-squared, corrected for ties; ``None`` for two methods, and where all are tied everywhere."""
    p_value: float | None
    """Of the hypothesis that no method ranks above another."""
    critical_difference: float
    """Nemenyi's: average ranks that differ by at least this are separated at ``level``, all pairs together."""
    cliques: tuple[tuple[str, ...], ...]
    """Neighbours in rank that are not separated, two or more; none lies within another."""
    descriptive: str | None
    """Why this orders what was measured and proves nothing beyond; ``None`` with enough data sets."""


def rank_methods(
    figures: ArrayLike,
    methods: Sequence[str],
    datasets: Sequence[str],
    level: float = 0.95,
    image_sets: int | None = None,
) -> Ranks:
    """Rank M > 1 methods by their figures ``(M, D)`` on D data sets, where higher is better and ties share ranks.

    ``image_sets``: how many of the D have test images of their own; without it, all. Tasks on the same images are one
    witness and not several. Raises ``ValueError`` on figures that are missing (NaN), naming them, and on other shapes.
    """
    check_level(level)
    table = _check_figures(figures, methods, datasets)
    averages = rankdata(-table, axis=0).mean(axis=1)
    order = np.argsort(averages, kind="stable")
    names = tuple(methods[i] for i in order)
    ranks = tuple(float(averages[i]) for i in order)
    difference = critical_difference(len(methods), len(datasets), level)
    statistic, p_value = _friedman(table)
    return Ranks(
        methods=names,
        average_ranks=ranks,
        datasets=len(datasets),
        level=level,
        friedman=statistic,
        p_value=p_value,
        critical_difference=difference,
        cliques=tuple(names[first:last] for first, last in _cliques(ranks, difference)),
        descriptive=_why_descriptive(len(datasets), len(datasets) if image_sets is None else image_sets),
    )


def critical_difference(methods: int, datasets: int, level: float = 0.95) -> float:
    """Nemenyi's: q sqrt(M (M + 1) / (6 D)), q the quantile of the studentized range of M over sqrt(2)."""
    quantile = float(studentized_range.ppf(level, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * datasets))


def _friedman(table: FloatArray) -> tuple[float | None, float | None]:
    if len(table) < 3 or (table == table[0]).all():
        return None, None
    found = friedmanchisquare(*table)
    return float(found.statistic), float(found.pvalue)


def _cliques(ranks: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """Slices of ascending ``ranks``: the longest that span less than ``difference``, of two or more."""
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = int(np.searchsorted(ranks, rank + difference, side="left"))
        if last - first > 1 and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _why_descriptive(datasets: int, image_sets: int) -> str | None:
    if image_sets >= ENOUGH_DATASETS:
        return None
    own = f", with {image_sets} set{'s' * (image_sets != 1)} of test images" if image_sets < datasets else ""
    return (
        f"Descriptive: ranks over {datasets} data set{'s' * (datasets != 1)}{own}. Below {ENOUGH_DATASETS}, no"
        " signed-rank test of two methods can reach p < .05, whatever the figures."
    )


def _check_figures(figures: ArrayLike, methods: Sequence[str], datasets: Sequence[str]) -> FloatArray:
    table = np.asarray(figures, dtype=np.float64)
    if table.shape != (len(methods), len(datasets)) or len(methods) < 2 or not len(datasets):
        raise ValueError(
            f"Expected figures of two or more methods on one or more data sets, {len(methods)} x {len(datasets)} as"
            f" named, found {table.shape}."
        )
    missing = [f"{methods[i]} on {datasets[j]}" for i, j in np.argwhere(~np.isfinite(table))]
    if missing:
        raise ValueError(
            f"Expected a figure of every method on every data set, found none of {', '.join(missing)}."
            " Run them, or leave out the method or the data set."
        )
    return table
