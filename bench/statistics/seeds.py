"""Figures of several trainings: the mean over seeds, and an interval that holds both sources of chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from bench.metrics.ranking import FloatArray, IntArray
from bench.resampling import GroupBootstrap, Interval, percentile_interval
from bench.statistics.bootstrap import mean_auroc_interval, weighted_mean_auroc, why_never_varies
from bench.statistics.checks import check_classes, check_length, check_resamples, check_scorings
from bench.statistics.intervals import auroc_interval


def nested_auroc_interval(
    classes: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[str | None],
    mean_of_kinds: bool = False,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The interval of the expected AUROC of a method: over trainings, of which S were made, and over images.

    ``classes`` ``(N,)``: 0 for normal images, 1 and up for the kinds of anomaly; ``scores`` ``(S, N)``: a row for each
    seed. Groups of images are drawn again as in ``grouped_bootstrap_interval``, the same for all seeds of a resample,
    and seeds are drawn within, as ``mean_of_drawn_seeds`` and ``widened`` say. The figure is the AUROC of all images,
    or with ``mean_of_kinds`` the mean of each kind's against all normal images.

    Simulated with 100 normal and 100 anomalous images at AUROC .90, "95 %" covered that expectation in 96 % of 1000
    samples of five seeds that do not differ, 95 % where the AUROC of seeds spreads by .04, and 92 % by .08; in 98, 94
    and 88 % with three seeds, and 98, 91 and 85 % with two.

    One seed shows nothing of how trainings differ: the interval is then that of its images alone. Raises
    ``ValueError`` on unusable input.
    """
    check_resamples(resamples, level)
    kinds, groups = check_classes(classes), list(groups)
    scorings = check_scorings(scores, len(kinds))
    check_length(len(groups), len(kinds))
    strata = kinds if mean_of_kinds else np.minimum(kinds, 1)
    if len(scorings) > 1:
        return _nested(strata, scorings, GroupBootstrap(strata, groups, resamples, seed), level, seed)
    if mean_of_kinds:
        return mean_auroc_interval(strata, scorings[0], groups, resamples, seed, level)
    return auroc_interval(strata, scorings[0], groups, seed, level)


def _nested(classes: IntArray, scorings: FloatArray, bootstrap: GroupBootstrap, level: float, seed: int) -> Interval:
    method = f"{bootstrap.method}, {note_on_seeds(len(scorings))}"
    reason = why_never_varies(bootstrap, classes)
    if reason:
        return Interval(None, None, level, method, reason)
    drawn = mean_of_drawn_seeds(redrawn(classes, scorings, bootstrap), seeds_generator(seed))
    wide = widened(drawn, [figures_of_seeds(classes, scorings)], level)
    return percentile_interval(wide.clip(0, 1), level, method)


def note_on_seeds(seeds: int) -> str:
    """What ``method`` says of several seeds."""
    return f"{seeds - 1} of {seeds} seeds in each, widened for few seeds"


def seeds_generator(seed: int) -> np.random.Generator:
    """Random numbers for drawing seeds, apart from those that draw images."""
    return np.random.default_rng([seed, 1])


def figures_of_seeds(classes: IntArray, scorings: FloatArray) -> FloatArray:
    """The figure ``(S,)`` of each of ``(S, N)`` scorings: mean over kinds of the AUROC; one kind is all together."""
    once = np.ones((len(classes), 1), dtype=np.int64)
    return np.array([weighted_mean_auroc(classes, scores)(once)[0] for scores in scorings])


def redrawn(classes: IntArray, scorings: FloatArray, bootstrap: GroupBootstrap) -> FloatArray:
    """The figure ``(S, resamples)`` of each seed on each resample of the images; the same images for all seeds."""
    evaluations = [weighted_mean_auroc(classes, scores) for scores in scorings]
    blocks = [[evaluate(weights) for evaluate in evaluations] for weights in bootstrap.weights()]
    return np.concatenate(blocks, axis=1)


def mean_of_drawn_seeds(figures: FloatArray, rng: np.random.Generator) -> FloatArray:
    """``(resamples,)`` means of S - 1 of the S rows of ``figures``, drawn anew for each column; one row as it is.

    S - 1 and not S: means of n draws from S values vary by (S - 1) / (S n) of the variance that the values show, and
    a mean of S fresh values by 1 / S of it.
    """
    seeds, resamples = figures.shape
    if seeds == 1:
        return np.asarray(figures[0])
    chosen = rng.integers(seeds, size=(seeds - 1, resamples))
    return np.asarray(np.take_along_axis(figures, chosen, axis=0).mean(axis=0))


def widened(drawn: FloatArray, figures: Sequence[FloatArray], level: float) -> FloatArray:
    """``(resamples,)`` values moved away from their mean as far as a few seeds leave their variance uncertain.

    ``figures``: those of the seeds of each method that the values hang on. The factor is that of Student's quantile to
    the normal one, with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946, 110): nearly 1 where the
    images vary more than the seeds do, 2.2 where only three seeds vary, at a level of 95 %.
    """
    several = [values for values in figures if len(values) > 1]
    parts = [(float(values.var(ddof=1)) / len(values), len(values) - 1) for values in several]
    uncertain = sum(variance**2 / freedom for variance, freedom in parts)
    if uncertain == 0:
        return drawn
    # Resamples may by chance vary less than the seeds themselves do.
    total = max(float(drawn.var()), sum(variance for variance, _ in parts))
    upper = (1 + level) / 2
    factor = stdtrit(total**2 / uncertain, upper) / ndtri(upper)
    return np.asarray(drawn.mean() + factor * (drawn - drawn.mean()))
