"""Intervals against brute force, against a published example, and against the truth in simulations."""

import math

import numpy as np
import pytest
from delong_oracle import OVARIAN_CANCER, brute_force_covariance, two_scorings
from hypothesis import given, settings
from simulated import covers, normal_sample, patients
from sklearn.metrics import roc_auc_score

from bench.metrics import resampling
from bench.metrics.ranking import auroc, average_precision
from bench.statistics import (
    auroc_interval,
    delong_covariance,
    delong_variance,
    grouped_bootstrap_interval,
    logit_delong_interval,
)

Z95 = 1.959963984540054


# ---------------------------------------------------------------------------------------- DeLong


@settings(deadline=None)
@given(two_scorings())
def test_delong_equals_brute_force(case):
    labels, scores = case
    expected = brute_force_covariance(labels, scores)
    np.testing.assert_allclose(delong_covariance(labels, scores), expected, rtol=1e-9, atol=1e-14)
    assert delong_variance(labels, scores[1]) == pytest.approx(expected[1, 1], rel=1e-9, abs=1e-14)


def test_delong_reproduces_the_ovarian_cancer_example():
    """Data of DeLong et al. 1988; figures of SAS/STAT User's Guide, LOGISTIC, "Comparing ROC Curves", four digits."""
    data = {name: np.array(text.split(), dtype=float) for name, text in OVARIAN_CANCER.items()}
    scorings = np.stack([data["albumin"], 10 - data["k-g"], data["protein"]])
    covariance = delong_covariance(data["benefits"], scorings)
    areas = np.array([auroc(data["benefits"], scores) for scores in scorings])
    np.testing.assert_allclose(areas, [0.7366, 0.7258, 0.6478], atol=5.1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [0.0927, 0.1028, 0.1000], atol=5.1e-5)
    contrasts = np.array([[1, -1, 0], [0, -1, 1]])
    of_contrasts = contrasts @ covariance @ contrasts.T
    np.testing.assert_allclose(np.sqrt(np.diag(of_contrasts)), [0.0953, 0.1046], atol=5.1e-5)
    difference = contrasts @ areas
    assert difference @ np.linalg.solve(of_contrasts, difference) == pytest.approx(2.5340, abs=5.1e-5)


def test_logit_interval_is_delong_on_the_logit_scale():
    labels, scores = normal_sample(np.random.default_rng(3), 60, 40, 0.9)
    area, error = auroc(labels, scores), math.sqrt(brute_force_covariance(labels, np.stack([scores, scores]))[0, 0])
    odds, factor = area / (1 - area), math.exp(Z95 * error / (area * (1 - area)))
    interval = logit_delong_interval(labels, scores)
    assert interval.low == pytest.approx(odds / factor / (1 + odds / factor))
    assert interval.high == pytest.approx(odds * factor / (1 + odds * factor))
    assert (interval.level, interval.degenerate) == (0.95, None)


def test_logit_interval_widens_with_the_level():
    case = normal_sample(np.random.default_rng(3), 60, 40, 0.9)
    narrow, wide = logit_delong_interval(*case, level=0.5), logit_delong_interval(*case, level=0.99)
    assert 0 < wide.low < narrow.low < auroc(*case) < narrow.high < wide.high < 1


def test_delong_refuses_a_single_image_of_a_class():
    with pytest.raises(ValueError, match="at least two images of each class, found 1"):
        delong_variance([0, 0, 1], [0.1, 0.2, 0.15])
    with pytest.raises(ValueError, match=r"shape \(K, N\)"):
        delong_covariance([0, 1], [0.1, 0.2])


# ------------------------------------------------------------------------------------- bootstrap


def mixed_case(rng, ties):
    """Groups of every kind, and images of their own."""
    groups = [f"g{number}" for number in rng.integers(12, size=60)] + [None] * 15
    labels = rng.integers(2, size=75)
    labels[[i for i, group in enumerate(groups) if group in {"g0", "g1", "g2"}]] = 0
    labels[[i for i, group in enumerate(groups) if group in {"g3", "g4", "g5"}]] = 1
    scores = labels + (rng.integers(4, size=75) if ties else rng.normal(size=75))
    return labels, scores, groups


def slow_auroc(labels, scores):
    """Not recognised as ``auroc``: takes the path that repeats images."""
    return roc_auc_score(labels, scores)


@pytest.mark.parametrize("ties", [True, False])
def test_weighted_ranks_equal_explicit_resampling(ties):
    case = mixed_case(np.random.default_rng(5), ties)
    fast = grouped_bootstrap_interval(*case, resamples=200, seed=1)
    slow = grouped_bootstrap_interval(*case, statistic=slow_auroc, resamples=200, seed=1)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)
    assert fast.low < auroc(*case[:2]) < fast.high


def test_memory_blocks_do_not_change_what_is_computed(monkeypatch):
    monkeypatch.setattr(resampling, "CELLS_AT_ONCE", 75 * 7)  # 28 blocks of 7 and one of 4
    seen = []

    def counting(labels, scores):
        seen.append(slow_auroc(labels, scores))
        return seen[-1]

    case = mixed_case(np.random.default_rng(5), ties=True)
    fast = grouped_bootstrap_interval(*case, resamples=200, seed=1)
    slow = grouped_bootstrap_interval(*case, statistic=counting, resamples=200, seed=1)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=1e-12)
    assert len(seen) == 200
    assert len(set(seen)) > 150  # blocks do not repeat each other


def test_bootstrap_agrees_with_one_written_out_naively():
    """Other random numbers, so only as near as 4000 resamples allow (standard error of a bound about 0.003)."""
    rng = np.random.default_rng(11)
    labels, scores, groups = patients(rng, 15, 15, 4, 0.5, 0.8)
    images = {name: [i for i, group in enumerate(groups) if group == name] for name in dict.fromkeys(groups)}
    of_class = [[rows for rows in images.values() if labels[rows[0]] == label] for label in (0, 1)]
    drawn = []
    for _ in range(4000):
        chosen = [of_one[i] for of_one in of_class for i in rng.integers(len(of_one), size=len(of_one))]
        rows = np.concatenate(chosen)
        drawn.append(auroc(labels[rows], scores[rows]))
    interval = grouped_bootstrap_interval(labels, scores, groups, resamples=4000)
    assert (interval.low, interval.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.012)
    by_image = grouped_bootstrap_interval(labels, scores, [None] * len(labels), resamples=4000)
    assert abs(by_image.low - interval.low) > 0.024  # the tolerance above would tell them apart


def test_groups_stay_whole_and_kinds_stay_apart():
    labels, _, groups = mixed_case(np.random.default_rng(5), ties=False)
    names = [name or f"alone {i}" for i, name in enumerate(groups)]
    whole = {name: [i for i, other in enumerate(names) if other == name] for name in names}
    kind = {name: frozenset(labels[rows]) for name, rows in whole.items()}
    expected = sorted(map(sorted, kind.values()))
    assert {tuple(found) for found in expected} == {(0,), (1,), (0, 1)}
    different = set()

    def check(_, positions):
        times = np.bincount(positions.astype(int), minlength=len(names))
        assert all(len(set(times[rows])) == 1 for rows in whole.values())
        drawn = [kind[name] for name, rows in whole.items() for _ in range(times[rows[0]])]
        assert sorted(map(sorted, drawn)) == expected
        different.add(tuple(times))
        return float(times[0])

    grouped_bootstrap_interval(labels, np.arange(75.0), groups, statistic=check, resamples=100)
    assert len(different) == 100


def test_every_group_is_drawn_equally_often():
    labels = np.repeat([0, 1], [20, 5])
    total = np.zeros(25)

    def count(_, positions):
        total[:] += np.bincount(positions.astype(int), minlength=25)
        return positions.mean()

    grouped_bootstrap_interval(labels, np.arange(25.0), [None] * 25, statistic=count, resamples=2000)
    np.testing.assert_allclose(total / 2000, 1.0, atol=0.12)  # standard error 0.022


def test_any_statistic_can_be_bootstrapped():
    case = mixed_case(np.random.default_rng(5), ties=False)
    interval = grouped_bootstrap_interval(*case, statistic=average_precision, resamples=200)
    assert 0 < interval.low < average_precision(*case[:2]) < interval.high <= 1


def test_seed_decides_the_bootstrap():
    case = mixed_case(np.random.default_rng(5), ties=False)
    assert grouped_bootstrap_interval(*case, seed=4) == grouped_bootstrap_interval(*case, seed=4)
    assert grouped_bootstrap_interval(*case, seed=4) != grouped_bootstrap_interval(*case, seed=5)


def test_single_images_resampled_agree_with_delong():
    labels, scores = normal_sample(np.random.default_rng(8), 400, 400, 0.8)
    bootstrap = grouped_bootstrap_interval(labels, scores, [None] * 800)
    delong = logit_delong_interval(labels, scores)
    assert (bootstrap.low, bootstrap.high) == pytest.approx((delong.low, delong.high), abs=0.005)


# ---------------------------------------------------------------------------------------- choice


def test_groups_of_one_are_images():
    labels, scores = normal_sample(np.random.default_rng(8), 40, 40, 0.8)
    alone = [None if i % 2 else f"patient {i}" for i in range(80)]
    assert auroc_interval(labels, scores, alone) == logit_delong_interval(labels, scores)


def test_one_group_of_two_is_enough_for_the_bootstrap():
    labels, scores = normal_sample(np.random.default_rng(8), 40, 40, 0.8)
    groups = ["twice", "twice"] + [None] * 78
    expected = grouped_bootstrap_interval(labels, scores, groups, seed=3)
    assert auroc_interval(labels, scores, groups, seed=3) == expected
    assert "79 groups" in expected.method


@pytest.mark.parametrize("groups", [[None] * 80, [f"pair {i // 2}" for i in range(80)]])
def test_level_reaches_either_interval(groups):
    case = normal_sample(np.random.default_rng(8), 40, 40, 0.8)
    narrow, wide = auroc_interval(*case, groups, level=0.5), auroc_interval(*case, groups, level=0.95)
    assert (narrow.level, wide.level) == (0.5, 0.95)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_interval_of_patients_is_wider_than_that_of_slices():
    labels, scores, groups = patients(np.random.default_rng(2), 20, 20, 10, 0.5, 0.85)
    by_patient, by_slice = auroc_interval(labels, scores, groups), logit_delong_interval(labels, scores)
    assert by_patient.high - by_patient.low > 1.5 * (by_slice.high - by_slice.low)


# ------------------------------------------------------------------------------------ degenerate


def assert_degenerate(interval, reason):
    assert interval.degenerate is not None
    assert reason in interval.degenerate
    assert (interval.low, interval.high) == (None, None)


PERFECT = (np.repeat([0, 1], 10), np.arange(20.0))
PAIRS = [f"pair {i // 2}" for i in range(20)]


@pytest.mark.parametrize("groups", [[None] * 20, PAIRS])
def test_perfect_and_reversed_rankings_have_no_interval(groups):
    labels, scores = PERFECT
    assert_degenerate(auroc_interval(labels, scores, groups), "AUROC is 1")
    assert_degenerate(auroc_interval(labels, -scores, groups), "AUROC is 0")


def test_equal_scores_have_no_interval():
    labels = PERFECT[0]
    assert_degenerate(auroc_interval(labels, np.full(20, 0.1), [None] * 20), "all scores are equal")
    assert_degenerate(auroc_interval(labels, np.full(20, 0.1), PAIRS), "do not vary")


@pytest.mark.parametrize("few", [0, 1])
def test_one_image_of_a_class_has_no_interval(few):
    labels = np.array([1 - few] * 9 + [few])
    scores = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 4.5])
    name = ("normal", "anomalous")[few]
    assert_degenerate(auroc_interval(labels, scores, [None] * 10), f"fewer than two images of {name}")


@pytest.mark.parametrize("few", [0, 1])
def test_one_patient_of_a_class_has_no_interval(few):
    labels = np.array([1 - few] * 10 + [few] * 10)
    scores = np.random.default_rng(0).normal(size=20)
    groups = [*PAIRS[:10], *["only patient"] * 10]
    name = ("normal", "anomalous")[few]
    assert_degenerate(auroc_interval(labels, scores, groups), f"fewer than two groups of {name}")


def test_two_patients_that_are_never_exchanged_are_not_two():
    """One holds only anomalies, the other both classes: each is in every resample, so anomalies never vary."""
    labels = np.array([0] * 10 + [1] * 4 + [0, 1, 0, 1])
    groups = [None] * 10 + ["anomalous"] * 4 + ["both"] * 4
    interval = auroc_interval(labels, np.random.default_rng(0).normal(size=18), groups)
    assert_degenerate(interval, "fewer than two groups of anomalous")


def test_a_group_alone_of_its_kind_is_told():
    labels = np.array([0] * 10 + [1] * 10)
    labels[[0, 2, 4]] = 1  # pairs 0, 1 and 2 hold both classes
    scores = np.random.default_rng(0).normal(size=20)
    assert "alone" not in grouped_bootstrap_interval(labels, scores, PAIRS).method
    labels[[2, 4]] = 0
    interval = grouped_bootstrap_interval(labels, scores, PAIRS)
    assert "1 of them alone of their kind" in interval.method
    assert interval.degenerate is None


def test_a_statistic_that_never_varies_has_no_interval():
    labels, scores = PERFECT
    interval = grouped_bootstrap_interval(labels, scores, PAIRS, statistic=lambda labels, _: float(labels.mean()))
    assert_degenerate(interval, "do not vary")


# ---------------------------------------------------------------------------------------- checks


def test_unusable_input_is_refused():
    labels, scores = PERFECT
    with pytest.raises(ValueError, match="found 19 groups and 20 images"):
        auroc_interval(labels, scores, [None] * 19)
    with pytest.raises(ValueError, match="found 19 groups and 20 images"):
        auroc_interval(labels, scores, PAIRS[1:])
    with pytest.raises(ValueError, match="found nan"):
        auroc_interval(labels, scores, [math.nan] * 20)
    with pytest.raises(ValueError, match="found 20 normal and 0 anomalous"):
        auroc_interval(np.zeros(20), scores, [None] * 20)
    with pytest.raises(ValueError, match="finite scores"):
        auroc_interval(labels, scores * math.nan, PAIRS)
    with pytest.raises(ValueError, match=r"in each tail of level 0\.95, found 39 resamples"):
        grouped_bootstrap_interval(labels, scores, PAIRS, resamples=39)
    with pytest.raises(ValueError, match="finite in every resample"):
        grouped_bootstrap_interval(labels, scores, PAIRS, statistic=lambda *_: math.nan)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_levels_are_shares(level):
    labels, scores = PERFECT
    with pytest.raises(ValueError, match="Expected 0 < level < 1"):
        logit_delong_interval(labels, scores, level)
    with pytest.raises(ValueError, match="Expected 0 < level < 1"):
        grouped_bootstrap_interval(labels, scores, PAIRS, level=level)


# -------------------------------------------------------------------------------------- coverage


@pytest.mark.slow
@pytest.mark.parametrize("true_auroc", [0.8, 0.96])
def test_coverage_of_independent_images(true_auroc):
    rng = np.random.default_rng(0)
    samples = [normal_sample(rng, 100, 100, true_auroc) for _ in range(2000)]
    by_delong = np.mean([covers(logit_delong_interval(*sample), true_auroc) for sample in samples])
    groups = [None] * 200
    by_bootstrap = np.mean(
        [covers(grouped_bootstrap_interval(*sample, groups, resamples=500), true_auroc) for sample in samples[:1000]]
    )
    print(f"coverage at AUROC {true_auroc}: logit DeLong {by_delong:.3f}, bootstrap {by_bootstrap:.3f}")
    assert 0.92 <= by_delong <= 0.97
    assert 0.92 <= by_bootstrap <= 0.97


@pytest.mark.slow
def test_coverage_of_patients_with_ten_slices():
    rng = np.random.default_rng(0)
    samples = [patients(rng, 50, 50, 10, 0.5, 0.85) for _ in range(600)]
    by_patient = np.mean([covers(auroc_interval(*sample), 0.85) for sample in samples])
    by_image = np.mean([covers(logit_delong_interval(*sample[:2]), 0.85) for sample in samples])
    print(f"coverage with patients: patient bootstrap {by_patient:.3f}, images {by_image:.3f}")
    assert 0.92 <= by_patient <= 0.97
    assert by_image < 0.75
