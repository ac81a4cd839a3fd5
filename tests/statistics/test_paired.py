"""Differences of two methods against brute force, a published example, closed forms and simulations."""

from dataclasses import replace

import numpy as np
import pytest
from delong_oracle import OVARIAN_CANCER, brute_force_covariance, two_scorings
from hypothesis import given, settings
from scipy.stats import norm, t
from simulated import covers, distance, normal_sample, trainings
from sklearn.metrics import roc_auc_score

from bench.metrics.resampling import GroupBootstrap
from bench.statistics import compare_pair, paired_delong, paired_grouped_bootstrap


def two_methods(rng, images, auroc_a, auroc_b, shared=0.5):
    """Labels and scores of two methods that share a part of what makes an image look anomalous."""
    labels = np.repeat([0, 1], [images, images])
    noise = rng.normal(size=2 * images) * np.sqrt(shared)
    a, b = (
        noise + rng.normal(size=2 * images) * np.sqrt(1 - shared) + labels * distance(truth)
        for truth in (auroc_a, auroc_b)
    )
    return labels, a, b


# ---------------------------------------------------------------------------------------- DeLong


@pytest.mark.parametrize(
    ("name", "effect", "low", "high", "p_value"),
    [("albumin", 0.0108, -0.1761, 0.1976, 0.9102), ("protein", -0.0780, -0.2830, 0.1271, 0.4561)],
)
def test_delong_compares_the_ovarian_cancer_tests(name, effect, low, high, p_value):
    """Each against the K-G score; figures printed by pauc 0.2.2, whose errors are those of SAS, to four digits."""
    data = {name: np.array(text.split(), dtype=float) for name, text in OVARIAN_CANCER.items()}
    found = paired_delong(data["benefits"], data[name], 10 - data["k-g"])
    figures = (found.effect, found.interval.low, found.interval.high, found.p_value)
    np.testing.assert_allclose(figures, (effect, low, high, p_value), atol=5.1e-5)


@settings(deadline=None)
@given(two_scorings())
def test_delong_equals_brute_force(case):
    labels, (a, b) = case
    covariance = brute_force_covariance(labels, np.stack([a, b]))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    found = paired_delong(labels, a, b)
    effect = roc_auc_score(labels, a) - roc_auc_score(labels, b)
    assert found.effect == pytest.approx(effect, abs=1e-12)
    if variance < 1e-15:
        assert found.degenerate
        assert found.p_value is None
        return
    error = np.sqrt(variance)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(effect) / error), rel=1e-6, abs=1e-12)
    bounds = np.clip([effect - norm.ppf(0.975) * error, effect + norm.ppf(0.975) * error], -1, 1)
    assert (found.interval.low, found.interval.high) == pytest.approx(bounds, abs=1e-9)


def test_the_level_widens_the_interval_and_leaves_the_p_value():
    case = two_methods(np.random.default_rng(0), 60, 0.9, 0.85)
    narrow, wide = paired_delong(*case, level=0.5), paired_delong(*case, level=0.99)
    assert wide.interval.low < narrow.interval.low < narrow.effect < narrow.interval.high < wide.interval.high
    assert narrow.p_value == wide.p_value


# ------------------------------------------------------------------------------------- bootstrap


def mixed_groups(rng):
    """Classes, two scorings with ties, and groups of several images or one; three kinds of anomaly."""
    groups = [f"g{number}" for number in rng.integers(20, size=100)] + [None] * 40
    classes = np.concatenate([rng.integers(4, size=100), np.repeat([0, 1, 2, 3], 10)])
    return classes, *(rng.integers(6, size=140) + (classes > 0) * shift for shift in (2, 1)), groups


def slow_figure(classes, scores, times, mean_of_kinds):
    """By scikit-learn, every image weighted by how often it was drawn."""
    kinds = [[kind] for kind in range(1, classes.max() + 1)] if mean_of_kinds else [list(range(1, classes.max() + 1))]
    chosen = [np.isin(classes, [0, *some]) for some in kinds]
    return np.mean([roc_auc_score(classes[c] > 0, scores[c], sample_weight=times[c]) for c in chosen])


@pytest.mark.parametrize("mean_of_kinds", [False, True])
def test_bootstrap_equals_one_method_at_a_time_on_the_same_resamples(mean_of_kinds):
    classes, a, b, groups = mixed_groups(np.random.default_rng(5))
    found = paired_grouped_bootstrap(classes, a, b, groups, mean_of_kinds, resamples=200, seed=3)
    strata = classes if mean_of_kinds else (classes > 0).astype(int)
    weights = np.concatenate(list(GroupBootstrap(strata, groups, 200, 3).weights()), axis=1)
    of_a, of_b = ([slow_figure(classes, s, w, mean_of_kinds) for w in weights.T] for s in (a, b))
    drawn = np.subtract(of_a, of_b)
    assert (found.interval.low, found.interval.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=1e-12)
    assert found.p_value == pytest.approx(2 * (1 + min((drawn <= 1e-12).sum(), (drawn >= -1e-12).sum())) / 201)
    once = np.ones(140)
    expected = [slow_figure(classes, scores, once, mean_of_kinds) for scores in (a, b)]
    assert found.effect == pytest.approx(expected[0] - expected[1])


def test_bootstrap_of_single_images_agrees_with_delong():
    labels, a, b = two_methods(np.random.default_rng(8), 400, 0.85, 0.83)
    bootstrap, delong = paired_grouped_bootstrap(labels, a, b, [None] * 800), paired_delong(labels, a, b)
    assert bootstrap.effect == pytest.approx(delong.effect)
    bounds = (bootstrap.interval.low, bootstrap.interval.high)
    assert bounds == pytest.approx((delong.interval.low, delong.interval.high), abs=0.004)
    assert bootstrap.p_value == pytest.approx(delong.p_value, abs=0.03)


def test_exchanging_the_methods_turns_the_sign():
    classes, a, b, groups = mixed_groups(np.random.default_rng(5))
    one, other = (paired_grouped_bootstrap(classes, *pair, groups, seed=3) for pair in ((a, b), (b, a)))
    assert (one.effect, one.interval.low) == pytest.approx((-other.effect, -other.interval.high))
    assert one.p_value == other.p_value
    delong = [paired_delong(classes > 0, *pair) for pair in ((a, b), (b, a))]
    assert delong[0].interval.high == pytest.approx(-delong[1].interval.low)


def test_no_p_value_is_below_what_the_resamples_can_show():
    labels, a, b = two_methods(np.random.default_rng(8), 100, 0.99, 0.6)
    found = paired_grouped_bootstrap(labels, a, b, [None] * 200, resamples=500)
    assert found.p_value == pytest.approx(2 / 501)


def test_whole_patients_make_the_difference_less_certain():
    rng = np.random.default_rng(2)
    labels, *of_patients = two_methods(rng, 20, 0.9, 0.8)
    a, b = (np.repeat(scores, 10) + 0.3 * rng.normal(size=400) for scores in of_patients)
    groups = [f"patient {i // 10}" for i in range(400)]
    images = np.repeat(labels, 10)
    by_patient, by_slice = compare_pair(images, a, b, groups), paired_delong(images, a, b)
    width, too_narrow = (d.interval.high - d.interval.low for d in (by_patient, by_slice))
    assert width > 2 * too_narrow
    assert by_patient.p_value > by_slice.p_value


# ---------------------------------------------------------------------------------- several seeds


def test_seeds_and_images_add_up_as_in_the_closed_form():
    """Variance of a difference of means: DeLong's covariance of all trainings, and that of the seeds themselves."""
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], [400, 400])
    a, b = (trainings(rng, labels, rng.normal(size=800), seeds, 0.85, 0.2) for seeds in (12, 9))
    mean = np.repeat([1 / 12, -1 / 9], [12, 9])
    of_images = mean @ brute_force_covariance(labels, np.concatenate([a, b])) @ mean
    of_seeds = [np.array([roc_auc_score(labels, scores) for scores in rows]) for rows in (a, b)]
    parts = [values.var(ddof=1) / len(values) for values in of_seeds]
    found = paired_grouped_bootstrap(labels, a, b, [None] * 800, resamples=8000)
    assert found.effect == pytest.approx(of_seeds[0].mean() - of_seeds[1].mean())
    width = 2 * norm.ppf(0.975) * np.sqrt(of_images + sum(parts))
    assert width * 0.97 < found.interval.high - found.interval.low < width * 1.12  # Student's factor is at most 1.12
    assert sum(parts) > of_images / 2  # the seeds are not drowned by the images
    closed, error = paired_delong(labels, a, b), np.sqrt(of_images + sum(parts))
    freedom = error**4 / (parts[0] ** 2 / 11 + parts[1] ** 2 / 8)
    assert closed.effect == pytest.approx(found.effect)
    assert closed.p_value == pytest.approx(2 * t.sf(abs(closed.effect) / error, freedom))
    assert (closed.interval.high - closed.interval.low) / 2 == pytest.approx(t.ppf(0.975, freedom) * error)


def test_one_seed_as_a_row_is_one_seed():
    classes, a, b, groups = mixed_groups(np.random.default_rng(5))
    rows = paired_grouped_bootstrap(classes, a[None], b[None], groups)
    assert rows == paired_grouped_bootstrap(classes, a, b, groups)
    assert "seeds" not in rows.method


# ---------------------------------------------------------------------------------------- choice


def test_the_choice_follows_the_data_and_is_told():
    labels, a, b = two_methods(np.random.default_rng(1), 40, 0.9, 0.8)
    alone, pairs = [None] * 80, [f"pair {i // 2}" for i in range(80)]
    kinds = labels * (1 + np.arange(80) % 2)
    single = compare_pair(labels, a, b, alone)
    assert single.p_value == paired_delong(labels, a, b).p_value
    assert single.method == "paired DeLong; chosen as every image stands alone"
    grouped = compare_pair(labels, a, b, pairs, seed=3)
    assert grouped.interval == paired_grouped_bootstrap(labels, a, b, pairs, seed=3).interval
    assert grouped.method.startswith("paired bootstrap of 40 groups")
    assert grouped.method.endswith("chosen as some groups hold several images")
    several = compare_pair(labels, np.stack([a, a + 0.1 * b]), b, alone)
    assert several == replace(paired_delong(labels, [a, a + 0.1 * b], b), method=several.method)
    assert several.method.startswith("paired DeLong, means of 2 and 1 seeds, their variance added")
    by_pairs = compare_pair(labels, np.stack([a, a + 0.1 * b]), b, pairs)
    assert "A: 1 of 2 seeds in each" in by_pairs.method
    assert "B: its only seed" in by_pairs.method
    assert compare_pair(kinds, a, b, alone, mean_of_kinds=True).method.endswith("a mean over kinds of anomaly")
    assert compare_pair(labels, a, b, alone, mean_of_kinds=True) == single  # there is one kind to average
    assert compare_pair(kinds, a, b, alone) == single


# ------------------------------------------------------------------------------------ degenerate


COMPARISONS = [
    lambda labels, a, b: paired_delong(labels, a, b),
    lambda labels, a, b: paired_grouped_bootstrap(labels, a, b, [None] * len(labels)),
]


def assert_degenerate(found, effect, reason):
    assert found.effect == pytest.approx(effect)
    assert reason in found.degenerate
    assert found.interval.degenerate == found.degenerate
    assert (found.p_value, found.interval.low, found.interval.high) == (None, None, None)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_what_cannot_be_compared_is_named(compare):
    labels, scores = normal_sample(np.random.default_rng(1), 10, 10, 0.8)
    assert_degenerate(compare(labels, scores, scores), 0, "rank these images alike")
    assert_degenerate(compare(labels, scores, np.exp(3 * scores)), 0, "rank these images alike")
    assert_degenerate(compare(labels, labels, labels * 2.0 + np.arange(20) / 100), 0, "rank these images alike")
    assert_degenerate(compare(labels, labels, np.zeros(20)), 0.5, "no resample of these images")
    assert_degenerate(compare([0, 0, 0, 1], [1, 2, 3, 2.5], [1, 2, 3, 4]), -1 / 3, "fewer than two")


@pytest.mark.parametrize("compare", COMPARISONS)
def test_a_perfect_method_can_be_compared(compare):
    labels, scores = normal_sample(np.random.default_rng(1), 50, 50, 0.7)
    found = compare(labels, labels, scores)
    assert found.degenerate is None
    assert 0 < found.interval.low < found.effect < found.interval.high <= 1
    assert found.p_value < 0.01


def test_unusable_input_is_refused():
    labels, a, b = two_methods(np.random.default_rng(1), 10, 0.9, 0.8)
    alone = [None] * 20
    with pytest.raises(ValueError, match="found 19 groups and 20 images"):
        compare_pair(labels, a, b, alone[1:])
    with pytest.raises(ValueError, match=r"shape \(seeds, 20\), found \(19,\)"):
        compare_pair(labels, a, b[1:], alone)
    with pytest.raises(ValueError, match="1 of 20 NaN or infinite"):
        paired_grouped_bootstrap(labels, a, np.where(np.arange(20) == 3, np.nan, b), alone)
    with pytest.raises(ValueError, match=r"found classes \[0, 2\]"):
        compare_pair(labels * 2, a, b, alone)
    with pytest.raises(ValueError, match="as whole numbers"):
        compare_pair(labels / 2, a, b, alone)
    with pytest.raises(ValueError, match="in each tail"):
        paired_grouped_bootstrap(labels, a, b, alone, resamples=10)
    with pytest.raises(ValueError, match="0 < level < 1"):
        paired_delong(labels, a, b, level=95)


# ----------------------------------------------------------------------------------------- level


def rejections(found):
    return np.mean([difference.p_value is not None and difference.p_value <= 0.05 for difference in found])


@pytest.mark.slow
@pytest.mark.parametrize("true_auroc", [0.85, 0.96])
def test_equal_methods_differ_as_often_as_promised(true_auroc):
    rng = np.random.default_rng(0)
    cases = [two_methods(rng, 100, true_auroc, true_auroc) for _ in range(2000)]
    by_delong = [paired_delong(*case) for case in cases]
    by_bootstrap = [paired_grouped_bootstrap(*case, [None] * 200, resamples=500) for case in cases[:1000]]
    shares = rejections(by_delong), rejections(by_bootstrap)
    covered = np.mean([covers(found.interval, 0) for found in by_delong])
    print(f"rejected at AUROC {true_auroc}: DeLong {shares[0]:.3f}, bootstrap {shares[1]:.3f}; covered {covered:.3f}")
    assert all(0.03 <= share <= 0.075 for share in shares)


@pytest.mark.slow
def test_equal_methods_on_patients_differ_as_often_as_promised():
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([0, 1], 500), [f"patient {i // 10}" for i in range(1000)]
    by_patient, by_image = [], []
    for _ in range(800):
        _, *of_patients = two_methods(rng, 50, 0.85, 0.85)
        a, b = (
            np.repeat(scores - distance(0.85) * (np.arange(100) >= 50), 10) * np.sqrt(0.5)
            + rng.normal(size=1000) * np.sqrt(0.5)
            + distance(0.85) * labels
            for scores in of_patients
        )
        by_patient.append(paired_grouped_bootstrap(labels, a, b, groups, resamples=500))
        by_image.append(paired_delong(labels, a, b))
    print(f"rejected with patients: patients {rejections(by_patient):.3f}, images {rejections(by_image):.3f}")
    assert 0.03 <= rejections(by_patient) <= 0.075
    assert rejections(by_image) > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_equal_methods_of_five_seeds_differ_no_more_often_than_promised(spread):
    rng = np.random.default_rng(0)
    labels, found, one_seed = np.repeat([0, 1], 100), [], []
    for _ in range(800):
        a, b = (trainings(rng, labels, rng.normal(size=200), 5, 0.9, spread) for _ in range(2))
        found.append(paired_grouped_bootstrap(labels, a, b, [None] * 200, resamples=500))
        one_seed.append(paired_delong(labels, a[0], b[0]))
    print(f"rejected at spread {spread}: five seeds {rejections(found):.3f}, one {rejections(one_seed):.3f}")
    assert 0.01 <= rejections(found) <= 0.075
