"""Ranking metrics against scikit-learn, against hand-made examples and under transforms that keep the order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from bench.metrics import ranking

FEW_VALUES = st.integers(-4, 4).map(float)  # hardly a case without ties
MANY_VALUES = st.floats(-1e6, 1e6)


@st.composite
def cases(draw, values=FEW_VALUES | MANY_VALUES):
    labels = draw(st.lists(st.integers(0, 1), min_size=2, max_size=40).filter(lambda found: len(set(found)) == 2))
    scores = draw(st.lists(values, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores)


tied = cases(FEW_VALUES)
untied = cases(MANY_VALUES)
relaxed = settings(deadline=None)


@pytest.mark.parametrize("ties", [True, False])
def test_auroc_and_average_precision_equal_scikit_learn(ties):
    @relaxed
    @given(tied if ties else untied)
    def check(case):
        assert ranking.auroc(*case) == pytest.approx(sk.roc_auc_score(*case), abs=1e-12)
        assert ranking.average_precision(*case) == pytest.approx(sk.average_precision_score(*case), abs=1e-12)

    check()


@relaxed
@given(cases(), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_fpr_at_tpr_is_the_lowest_attainable(case, tpr):
    labels, scores = case
    attainable = [
        np.mean(scores[labels == 0] >= threshold)
        for threshold in scores
        if np.mean(scores[labels == 1] >= threshold) >= tpr
    ]
    assert ranking.fpr_at_tpr(labels, scores, tpr) == pytest.approx(min(attainable), abs=1e-12)


def test_fpr_at_tpr_counts_a_rate_met_exactly():
    labels = np.array([1] * 20 + [0] * 2)
    scores = np.array([*range(20, 0, -1), 1.5, 0.5])  # the 19th of 20 anomalies scores 2, the last one 1
    assert ranking.fpr_at_tpr(labels, scores, 0.95) == 0.0
    assert ranking.fpr_at_tpr(labels, scores, 0.951) == 0.5


def test_midranks_share_ties():
    np.testing.assert_array_equal(ranking.midranks(np.array([3.0, 1.0, 3.0, 2.0, 3.0])), [4, 1, 4, 2, 4])


def test_worked_example():
    labels, scores = [0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]
    assert ranking.auroc(labels, scores) == 0.875  # of four pairs three are won and one is tied
    assert ranking.average_precision(labels, scores) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert ranking.fpr_at_tpr(labels, scores, 0.95) == 0.5


def test_constant_scores_are_chance():
    labels, scores = [0, 1, 1, 0, 0], [7.0] * 5
    assert ranking.auroc(labels, scores) == 0.5
    assert ranking.average_precision(labels, scores) == pytest.approx(2 / 5)
    assert ranking.fpr_at_tpr(labels, scores) == 1.0


# ------------------------------------------------------------------------------------ invariance

INCREASING = {
    "affine": lambda x: 0.001 * x + 35.0,
    "cube": lambda x: x**3,
    "exp": np.exp,
    "arctan": np.arctan,
    "huge": lambda x: x * 1e300,
    "tiny": lambda x: x * 1e-300,
}


@pytest.mark.parametrize("name", INCREASING)
def test_increasing_transforms_change_nothing(name):
    @relaxed
    @given(tied)
    def check(case):
        labels, scores = case
        moved = INCREASING[name](scores)
        for metric in (ranking.auroc, ranking.average_precision, ranking.fpr_at_tpr):
            assert metric(labels, moved) == metric(labels, scores)

    check()


def test_scores_above_thirty_keep_their_order():
    """A sigmoid in float32, which torchmetrics applies to scores outside [0, 1], ties all of these."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    scores = rng.uniform(30, 38, 400) + 2 * labels
    squashed = 1 / (1 + np.exp(-scores.astype(np.float32)))
    assert ranking.auroc(labels, squashed) == 0.5
    assert ranking.auroc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)
    assert ranking.auroc(labels, scores) > 0.65


def test_single_precision_scores_give_no_single_precision_result():
    labels = np.repeat([0, 1], 3000)
    scores = np.random.default_rng(0).normal(size=6000).astype(np.float32) + labels.astype(np.float32)
    assert ranking.auroc(labels, scores) == ranking.auroc(labels, scores.astype(np.float64))


@relaxed
@given(tied)
def test_turning_the_scores_round_mirrors_auroc(case):
    labels, scores = case
    assert ranking.auroc(labels, -scores) == pytest.approx(1 - ranking.auroc(labels, scores), abs=1e-12)


# ------------------------------------------------------------------------------------ thresholds


@relaxed
@given(cases())
def test_operating_point_equals_scikit_learn(case):
    labels, scores = case
    for threshold in scores:
        called = (scores >= threshold).astype(int)
        point = ranking.operating_point(labels, scores, threshold)
        assert point.threshold == threshold
        assert point.sensitivity == pytest.approx(sk.recall_score(labels, called))
        assert point.specificity == pytest.approx(sk.recall_score(1 - labels, 1 - called))
        assert point.precision == pytest.approx(sk.precision_score(labels, called))
        assert point.f1 == pytest.approx(sk.f1_score(labels, called))


def test_nothing_called_anomalous_has_no_precision():
    point = ranking.operating_point([0, 1], [1.0, 2.0], math.inf)
    assert point == ranking.OperatingPoint(math.inf, sensitivity=0.0, specificity=1.0, precision=None, f1=0.0)


@relaxed
@given(cases())
def test_operating_points_lie_on_the_roc_curve(case):
    for fpr, tpr, threshold in zip(*sk.roc_curve(*case, drop_intermediate=False), strict=True):
        point = ranking.operating_point(*case, threshold)
        assert (point.sensitivity, 1 - point.specificity) == pytest.approx((tpr, fpr), abs=1e-12)


@relaxed
@given(st.lists(FEW_VALUES | MANY_VALUES, min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_normal_quantile_keeps_its_promise_and_is_the_lowest_to_do_so(scores, quantile):
    scores = np.array(scores)
    threshold = ranking.normal_quantile_threshold(scores, quantile)
    assert np.mean(scores < threshold) >= quantile
    assert np.mean(scores < np.nextafter(threshold, -np.inf)) < quantile


def test_normal_quantile_on_round_numbers():
    scores = np.arange(100.0)
    assert (scores >= ranking.normal_quantile_threshold(scores, 0.95)).sum() == 5
    assert (scores[:10] >= ranking.normal_quantile_threshold(scores[:10], 0.95)).sum() == 0
    assert ranking.normal_quantile_threshold([3.0] * 50) > 3.0  # tied normal images are not all called anomalous


@relaxed
@given(cases())
def test_youden_threshold_is_the_highest_best_one(case):
    labels, scores = case

    def informedness(threshold):
        called = scores >= threshold
        return round(called[labels == 1].mean() - called[labels == 0].mean(), 9)

    best = max(informedness(threshold) for threshold in scores)
    expected = max(threshold for threshold in scores if informedness(threshold) == best)
    assert ranking.youden_threshold(labels, scores) == expected


# ---------------------------------------------------------------------------------------- checks

SCORED = [
    ranking.auroc,
    ranking.average_precision,
    ranking.fpr_at_tpr,
    ranking.youden_threshold,
    lambda labels, scores: ranking.operating_point(labels, scores, 0.5),
]


@pytest.mark.parametrize("metric", SCORED)
@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [0.1, math.nan], r"finite scores, found 1 of 2"),
        ([0, 1], [math.inf, 0.1], r"finite scores, found 1 of 2"),
        ([0, 1, 1], [0.1, 0.2], r"found 3 labels and 2 scores"),
        ([0, 1], [[0.1, 0.2]], r"found \(1, 2\)"),
        ([[0, 1]], [0.1, 0.2], r"found \(1, 2\)"),
        ([], [], r"found \(0,\)"),
        ([0, 0], [0.1, 0.2], r"found 2 normal and 0 anomalous"),
        ([1, 1], [0.1, 0.2], r"found 0 normal and 2 anomalous"),
        ([0, 2], [0.1, 0.2], r"found \[0, 2\]"),
        ([-1, 1], [0.1, 0.2], r"found \[-1, 1\]"),
    ],
)
def test_unusable_input_is_refused(metric, labels, scores, message):
    with pytest.raises(ValueError, match=message):
        metric(labels, scores)


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1, math.nan])
def test_shares_outside_zero_to_one_are_refused(bad):
    with pytest.raises(ValueError, match="Expected 0 < tpr <= 1"):
        ranking.fpr_at_tpr([0, 1], [0.1, 0.2], bad)
    with pytest.raises(ValueError, match="Expected 0 < quantile <= 1"):
        ranking.normal_quantile_threshold([0.1, 0.2], bad)


def test_thresholds_need_numbers():
    with pytest.raises(ValueError, match="found NaN"):
        ranking.operating_point([0, 1], [0.1, 0.2], math.nan)
    with pytest.raises(ValueError, match="finite scores"):
        ranking.normal_quantile_threshold([0.1, math.nan])
    with pytest.raises(ValueError, match=r"N > 0"):
        ranking.normal_quantile_threshold([])
