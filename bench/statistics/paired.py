"""Whether one method beats another on the same test images: their difference, its interval and a p-value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr

from bench.metrics.ranking import FloatArray, IntArray, check_inputs
from bench.metrics.resampling import GroupBootstrap, Interval, percentile_interval
from bench.statistics.bootstrap import why_never_varies
from bench.statistics.checks import (
    check_classes,
    check_length,
    check_level,
    check_resamples,
    check_scorings,
    images_by_class,
    stand_alone,
    why_too_few,
)
from bench.statistics.delong import influences
from bench.statistics.seed_variance import SeedVariance, student
from bench.statistics.seeds import (
    drawn_deviations,
    figures_of_seeds,
    note_on_seeds,
    redrawn_means,
    rng_of,
    widened,
)

NO_SEEDS = SeedVariance(0.0, 0.0)
RANK_ALIKE = "both methods rank these images alike"
NO_SPREAD = 1e-12
"""A standard error below this is rounding: one pair exchanged among 500,000 images of each class gives more."""


@dataclass(frozen=True)
class Difference:
    """AUROC of method A less that of method B on the same images.

    ``p_value`` is two-sided, of the hypothesis that the true difference is zero, and of one comparison: adjust a
    family of them by ``bench.statistics.families.holm``. It and the bounds of ``interval`` are ``None`` exactly where
    ``degenerate`` says why there are none.
    """

    effect: float
    interval: Interval
    p_value: float | None
    method: str
    degenerate: str | None = None
    error: float | None = None
    """Standard error of the effect; ``None`` where there is no test."""
    of_seeds: SeedVariance = NO_SEEDS
    """The part of its square that comes from seeds."""

    @property
    def is_none(self) -> bool:
        """Whether both rank the images alike: there is no difference, on these images or on resamples of them."""
        return self.degenerate == RANK_ALIKE


def compare_pair(
    classes: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[str | None],
    mean_of_kinds: bool = False,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """The comparison that the data allow; ``method`` says which, and why.

    DeLong's where every image stands alone and the figure is one AUROC; else the bootstrap. Arguments and errors as of
    ``paired_grouped_bootstrap``.
    """
    kinds = check_classes(classes)
    check_length(len(groups), len(kinds))
    why_not = _why_not_delong(kinds, groups, mean_of_kinds)
    if why_not:
        found = paired_grouped_bootstrap(kinds, a, b, groups, mean_of_kinds, level, resamples, seed)
        return _because(found, why_not)
    found = paired_delong(kinds > 0, a, b, level)
    return _because(found, "every image stands alone")


def _why_not_delong(classes: IntArray, groups: Sequence[str | None], mean_of_kinds: bool) -> str | None:
    if not stand_alone(groups):
        return "some groups hold several images"
    if mean_of_kinds and classes.max() > 1:
        return "the figure is a mean over kinds of anomaly"
    return None


def _because(found: Difference, reason: str) -> Difference:
    return replace(found, method=f"{found.method}; chosen as {reason}")


def _degenerate(effect: float, level: float, method: str, reason: str) -> Difference:
    return Difference(effect, Interval(None, None, level, method, reason), None, method, reason)


# ---------------------------------------------------------------------------------------- DeLong


def paired_delong(labels: ArrayLike, a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Difference:
    """Two methods compared on the same N independent images: DeLong et al. 1988, a normal approximation.

    ``labels`` ``(N,)``: 1 for anomalous images; ``a`` and ``b``: scores ``(N,)``, or ``(S, N)`` with a row for each
    seed, where S may differ. Figures are means over seeds, whose own variance is added, with Student's quantiles at
    Satterthwaite's degrees of freedom: equal methods of three or five seeds were told apart at .05 in 1 to 4 % of 800
    simulations. An only seed is taken as it is, as if another would score alike. Raises ``ValueError`` on unusable
    input.
    """
    check_level(level)
    anomalous = check_inputs(labels, np.atleast_2d(a)[0])[0]
    classes = anomalous.astype(np.int64)
    scorings = [check_scorings(scores, len(classes)) for scores in (a, b)]
    method = ", ".join(["paired DeLong", *_notes_on_seeds([len(rows) for rows in scorings])])
    figures = [figures_of_seeds(classes, rows) for rows in scorings]
    effect = float(figures[0].mean() - figures[1].mean())
    too_few = why_too_few(images_by_class(anomalous), "image")
    if too_few:
        return _degenerate(effect, level, method, too_few)
    of_a, of_b = (influences(classes, rows) for rows in scorings)
    of_seeds = SeedVariance.of(figures)
    variance = float(((of_a - of_b) ** 2).sum()) + of_seeds.variance
    if math.sqrt(variance) < NO_SPREAD:
        return _degenerate(effect, level, method, _why_no_spread(effect))
    found = by_student(effect, math.sqrt(variance), of_seeds.freedom(variance), level, method)
    return replace(found, of_seeds=of_seeds)


def by_student(effect: float, error: float, freedom: float, level: float, method: str) -> Difference:
    """A difference with its standard error: interval and p-value by Student's distribution, or the normal one."""
    margin = student(freedom, level) * error
    interval = Interval(max(effect - margin, -1.0), min(effect + margin, 1.0), level, method)
    below = ndtr(-abs(effect) / error) if freedom == math.inf else stdtr(freedom, -abs(effect) / error)
    return Difference(effect, interval, float(2 * below), method, error=error)


def _why_no_spread(effect: float) -> str:
    if effect == 0:
        return RANK_ALIKE
    return "no resample of these images changes the difference"


# ------------------------------------------------------------------------------------- bootstrap


def paired_grouped_bootstrap(
    classes: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    groups: Sequence[str | None],
    mean_of_kinds: bool = False,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """Two methods compared on resamples of whole groups of images, the same for both.

    ``classes`` ``(N,)``: 0 for normal images, 1 and up for the kinds of anomaly; ``a`` and ``b``: scores ``(N,)``, or
    ``(S, N)`` with a row for each seed, where S may differ. The figure of a method is its mean over seeds of the AUROC
    of all images, or with ``mean_of_kinds`` of the mean over kinds. Where a method has several seeds, they are drawn
    again too, apart from the other's, and resamples widened at ``level``, as in ``nested_auroc_interval``: equal
    methods of five seeds were told apart at .05 in 2 to 3 % of 800 simulations. An only seed is taken as it is.

    The p-value is twice the share of resamples on the far side of zero, of which one is added to both (Davison and
    Hinkley 1997, chapter 4); so it is never below 2 / (1 + ``resamples``). Raises ``ValueError`` on unusable input.
    """
    check_resamples(resamples, level)
    kinds = check_classes(classes)
    check_length(len(groups), len(kinds))
    strata = kinds if mean_of_kinds else np.minimum(kinds, 1)
    scorings = [check_scorings(scores, len(kinds)) for scores in (a, b)]
    bootstrap = GroupBootstrap(strata, groups, resamples, seed)
    method = _describe(bootstrap, [len(rows) for rows in scorings])
    figures = [figures_of_seeds(strata, rows) for rows in scorings]
    effect = float(figures[0].mean() - figures[1].mean())
    too_few = why_never_varies(bootstrap, strata)
    if too_few:
        return _degenerate(effect, level, method, too_few)
    of_a, of_b = (redrawn_means(strata, rows, bootstrap) for rows in scorings)
    rng = rng_of(seed)
    by_seeds_of_a, by_seeds_of_b = (drawn_deviations(values, resamples, rng) for values in figures)
    of_seeds, deviating = SeedVariance.of(figures), of_a - of_b + by_seeds_of_a - by_seeds_of_b
    drawn = widened(deviating, of_seeds, level)
    interval = percentile_interval(drawn.clip(-1, 1), level, method)
    if interval.degenerate:
        return _degenerate(effect, level, method, _why_no_spread(effect))
    error = max(float(deviating.std()), math.sqrt(of_seeds.variance))
    return Difference(effect, interval, _p_value(drawn), method, error=error, of_seeds=of_seeds)


def _describe(bootstrap: GroupBootstrap, seeds: Sequence[int]) -> str:
    notes = [f"{name}: {note_on_seeds(n)}" for name, n in zip("AB", seeds, strict=True) if max(seeds) > 1]
    return ", ".join([f"paired {bootstrap.method}", *notes])


def _notes_on_seeds(seeds: Sequence[int]) -> list[str]:
    if max(seeds) == 1:
        return []
    return [f"means of {seeds[0]} and {seeds[1]} seeds, their variance added, widened for few seeds"]


def _p_value(drawn: FloatArray) -> float:
    """Two-sided, from ``(resamples,)`` differences."""
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (1 + beyond) / (1 + len(drawn)))
