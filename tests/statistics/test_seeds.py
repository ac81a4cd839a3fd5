"""Intervals over seeds and images against those of one seed, closed forms and simulations."""

import numpy as np
import pytest
from delong_oracle import brute_force_covariance
from scipy.special import ndtr
from scipy.stats import norm, t
from simulated import covers, distance, patients, trainings
from sklearn.metrics import roc_auc_score

from bench.metrics.resampling import GroupBootstrap
from bench.statistics import (
    auroc_interval,
    grouped_bootstrap_interval,
    logit_delong_interval,
    mean_auroc_interval,
    nested_auroc_interval,
)
from bench.statistics.seed_variance import SeedVariance
from bench.statistics.seeds import drawn_deviations, redrawn_means, widened

ALONE = [None] * 200
"""Two ways to the interval of several seeds: the closed form where images stand alone, else the bootstrap. One pair of
images that belong together chooses the latter and changes little else."""
WAYS = {"closed form": [None, None], "bootstrap": ["pair", "pair"]}


def five_trainings(spread=0.2, seeds=5, images=100):
    rng = np.random.default_rng(6)
    labels = np.repeat([0, 1], [images, images])
    return labels, trainings(rng, labels, rng.normal(size=2 * images), seeds, 0.85, spread)


def width(interval):
    return interval.high - interval.low


# -------------------------------------------------------------------------------------- one seed


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_one_seed_has_the_interval_of_its_images(level):
    labels, scores, groups = patients(np.random.default_rng(2), 20, 20, 5, 0.5, 0.85)
    kinds = labels * (1 + np.arange(200) % 2)
    pooled = nested_auroc_interval(kinds, scores, groups, level=level)
    assert pooled == nested_auroc_interval(labels, scores[None], groups, level=level)
    assert pooled == auroc_interval(labels, scores, groups, level=level)
    assert nested_auroc_interval(labels, scores, ALONE, level=level) == logit_delong_interval(labels, scores, level)
    mean = nested_auroc_interval(kinds, scores, groups, mean_of_kinds=True, level=level)
    assert mean == mean_auroc_interval(kinds, scores, groups, level=level)
    assert mean.level == level
    assert (mean.low, mean.high) != (pooled.low, pooled.high)


# --------------------------------------------------------------------------------- several seeds


def test_seeds_that_do_not_differ_change_nothing():
    labels, scores, groups = patients(np.random.default_rng(2), 20, 20, 5, 0.5, 0.85)
    nested = nested_auroc_interval(labels, np.stack([scores, 2 * scores, scores**3]), groups, seed=4)
    single = grouped_bootstrap_interval(labels, scores, groups, seed=4)
    assert (nested.low, nested.high) == pytest.approx((single.low, single.high), abs=1e-12)
    assert nested.method == single.method + ", 2 of 3 seeds in each, widened for few seeds"


@pytest.mark.parametrize("way", WAYS)
def test_seeds_and_images_add_up_as_in_the_closed_form(way):
    """Variance of a mean over seeds: DeLong's covariance of all trainings, and that of the seeds themselves."""
    labels, scores = five_trainings(spread=0.15, seeds=12, images=400)
    of_images = brute_force_covariance(labels, scores).mean()
    aurocs = np.array([roc_auc_score(labels, one) for one in scores])
    of_seeds = aurocs.var(ddof=1) / 12
    assert 0.3 < of_seeds / of_images < 3  # neither drowns the other
    freedom = 11 * ((of_images + of_seeds) / of_seeds) ** 2
    margin = t.ppf(0.975, freedom) * np.sqrt(of_images + of_seeds)
    found = nested_auroc_interval(labels, scores, [*WAYS[way], *[None] * 798], resamples=8000)
    assert ("bootstrap" in found.method) == (way == "bootstrap")
    assert width(found) == pytest.approx(2 * margin, rel=0.04)
    assert (found.low + found.high) / 2 == pytest.approx(aurocs.mean(), abs=0.1 * margin)


def test_groups_are_kept_whole_under_all_seeds():
    labels, scores, groups = patients(np.random.default_rng(2), 20, 20, 10, 0.5, 0.85)
    seeds = scores + 0.1 * np.random.default_rng(3).normal(size=(3, 400))
    by_patient = nested_auroc_interval(labels, seeds, groups)
    assert "bootstrap of 40 groups" in by_patient.method
    assert width(by_patient) > 1.5 * width(nested_auroc_interval(labels, seeds, [None] * 400))


def test_mean_of_kinds_weighs_rare_kinds_alike():
    """Ten anomalies that are missed, among 190 that are found: .75 as mean over kinds, .98 all together."""
    rng = np.random.default_rng(3)
    classes = np.repeat([0, 1, 2], [200, 190, 10])
    scores = rng.normal(size=(3, 400)) + np.repeat([0, 6, 0], [200, 190, 10])
    pooled, mean = (nested_auroc_interval(classes, scores, [None] * 400, of_kinds) for of_kinds in (False, True))
    assert covers(pooled, 0.975)
    assert covers(mean, 0.75)
    assert mean.high < pooled.low


def test_means_of_drawn_seeds_vary_as_means_of_fresh_ones_do():
    values = np.array([0.7, 0.8, 0.95, 0.9])
    drawn = drawn_deviations(values, 200_000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0, abs=0.001)
    assert drawn.var() == pytest.approx(values.var(ddof=1) / 4, rel=0.02)
    np.testing.assert_array_equal(drawn_deviations(values[:1], 7, np.random.default_rng(0)), np.zeros(7))


def test_widening_is_by_student_where_only_seeds_vary():
    rng = np.random.default_rng(0)
    seeds = np.array([0.7, 0.8, 0.9])
    drawn = rng.normal(0.8, np.sqrt(seeds.var(ddof=1) / 3) * 0.99, size=1000)  # no more than the seeds alone
    wide = widened(drawn, SeedVariance.of([seeds]), 0.95)
    assert wide.std() / drawn.std() == pytest.approx(t.ppf(0.975, 2) / norm.ppf(0.975))
    assert wide.mean() == pytest.approx(drawn.mean())
    # Two methods with the same spread of three seeds each: 2 + 2 degrees of freedom.
    both = widened(drawn, SeedVariance.of([seeds, seeds + 0.05]), 0.95)
    assert both.std() / drawn.std() == pytest.approx(t.ppf(0.975, 4) / norm.ppf(0.975))
    np.testing.assert_array_equal(widened(drawn, SeedVariance.of([seeds[:1]]), 0.95), drawn)


def test_seed_and_level_decide_the_interval():
    labels, scores = five_trainings()
    paired = [*WAYS["bootstrap"], *ALONE[2:]]
    assert nested_auroc_interval(labels, scores, paired, seed=4) == nested_auroc_interval(
        labels, scores, paired, seed=4
    )
    assert nested_auroc_interval(labels, scores, paired, seed=4) != nested_auroc_interval(
        labels, scores, paired, seed=5
    )
    for groups in (ALONE, paired):
        narrow, wide = (nested_auroc_interval(labels, scores, groups, level=level) for level in (0.5, 0.99))
        assert 0 < wide.low < narrow.low < narrow.high < wide.high <= 1


def test_the_closed_form_of_seeds_that_do_not_differ_is_that_of_one():
    labels, scores = five_trainings()
    alike = np.stack([scores[0], 2 * scores[0], scores[0] ** 3])
    nested, single = nested_auroc_interval(labels, alike, ALONE), logit_delong_interval(labels, scores[0])
    assert (nested.low, nested.high) == pytest.approx((single.low, single.high), abs=1e-12)


# ------------------------------------------------------------------------- degenerate, and checks


def test_what_has_no_interval_is_named():
    labels, scores = five_trainings()
    perfect = np.stack([labels, 2.0 * labels])
    assert "AUROC is 1" in nested_auroc_interval(labels, perfect, ALONE).degenerate
    paired = [*WAYS["bootstrap"], *ALONE[2:]]
    assert nested_auroc_interval(labels, perfect, paired).degenerate == "the resamples do not vary"
    constant = nested_auroc_interval(labels, np.zeros((3, 200)), ALONE)
    assert (constant.low, constant.degenerate) == (None, "all scores are equal")
    one_patient = [f"normal {i}" for i in range(100)] + ["the only patient"] * 100
    lonely = nested_auroc_interval(labels, scores, one_patient)
    assert "fewer than two groups" in lonely.degenerate
    assert (lonely.low, lonely.high) == (None, None)


def test_unusable_input_is_refused():
    labels, scores = five_trainings()
    with pytest.raises(ValueError, match=r"shape \(seeds, 200\), found \(5, 199\)"):
        nested_auroc_interval(labels, scores[:, 1:], ALONE)
    with pytest.raises(ValueError, match=r"shape \(seeds, 200\), found \(0, 200\)"):
        nested_auroc_interval(labels, scores[:0], ALONE)
    with pytest.raises(ValueError, match="1000 of 1000 NaN"):
        nested_auroc_interval(labels, scores * np.nan, ALONE)
    with pytest.raises(ValueError, match="found 199 groups and 200 images"):
        nested_auroc_interval(labels, scores, ALONE[1:])
    with pytest.raises(ValueError, match=r"found classes \[0\]"):
        nested_auroc_interval(labels * 0, scores, ALONE)
    with pytest.raises(ValueError, match="in each tail"):
        nested_auroc_interval(labels, scores, ALONE, resamples=10)


# -------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("seeds", "spread", "least"), [(5, 0.0, 0.92), (5, 0.3, 0.92), (3, 0.3, 0.89)])
def test_coverage_of_the_expectation_over_trainings(seeds, spread, least, way):
    """Spreads of the AUROC over seeds: 0 and .04. Three seeds that differ cover less than promised."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    truth = ndtr((distance(0.9) + spread * rng.normal(size=1_000_000)) / np.sqrt(2)).mean()
    samples = [trainings(rng, labels, rng.normal(size=200), seeds, 0.9, spread) for _ in range(1000)]
    groups = [*WAYS[way], *ALONE[2:]]
    nested = [nested_auroc_interval(labels, scores, groups, resamples=500) for scores in samples]
    by_nested = np.mean([covers(interval, truth) for interval in nested])
    by_images = np.mean([covers(logit_delong_interval(labels, scores[0]), truth) for scores in samples])
    print(f"coverage with {seeds} seeds, spread {spread}: nested {by_nested:.3f}, one seed's images {by_images:.3f}")
    most = 0.985 if way == "closed form" else 0.975  # what seeds do to single images counts twice: wide, not narrow
    assert least <= by_nested <= most


@pytest.mark.slow
def test_coverage_of_five_seeds_on_patients():
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([0, 1], 500), [f"patient {i // 10}" for i in range(1000)]
    found = []
    for _ in range(400):
        of_images = np.repeat(rng.normal(size=100), 10)
        scores = trainings(rng, labels, of_images, 5, 0.85, 0.0)
        found.append(covers(nested_auroc_interval(labels, scores, groups, resamples=500), 0.85))
    print(f"coverage with five seeds on patients: {np.mean(found):.3f}")
    assert 0.91 <= np.mean(found) <= 0.975


@pytest.mark.parametrize(("images", "seeds"), [(12, 1), (40, 3), (600, 2)])
def test_few_images_are_redrawn_pair_by_pair_to_the_same_figures(images, seeds):
    """Against the AUROC of the images repeated as often as they were drawn, ties and several kinds included."""
    rng = np.random.default_rng(3)
    classes = np.arange(images) % 3
    scorings = np.round(rng.normal(size=(seeds, images)) + classes, 1)
    bootstrap = GroupBootstrap(classes, [None] * images, 5, seed=1)
    expected = [
        np.mean([
            roc_auc_score(np.repeat(classes[k] > 0, weights[k]), np.repeat(scores[k], weights[k]))
            for scores in scorings
            for k in (classes != 1, classes != 2)
        ])
        for weights in np.concatenate(list(bootstrap.weights()), axis=1).T
    ]  # fmt: skip
    assert redrawn_means(classes, scorings, bootstrap) == pytest.approx(expected, abs=1e-12)
