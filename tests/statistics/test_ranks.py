"""Ranks over data sets against Demšar's table, R's figures and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.statistics.ranks import critical_difference, rank_methods


def names(count, prefix):
    return [f"{prefix}{i}" for i in range(count)]


@pytest.mark.parametrize(
    ("methods", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_critical_difference_follows_demsars_table(methods, quantile):
    """Demšar 2006, critical values for the two-tailed Nemenyi test at .05."""
    expected = quantile * math.sqrt(methods * (methods + 1) / (6 * 14))
    assert critical_difference(methods, 14) == pytest.approx(expected, rel=5e-4)


def test_critical_differences_of_demsars_example():
    """Demšar 2006: four methods, 14 data sets, 1.25 at .05 and 1.12 at .10."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, level=0.9) == pytest.approx(1.12, abs=0.005)


def test_friedman_as_r_computes_it():
    """Nine classifiers on two data sets, as asked about on Cross Validated; R prints 11.733 and .1635."""
    ranks = np.array([[1, 8, 6, 4, 7, 2, 5, 3, 9], [1, 6, 3, 9, 7, 2, 8, 4, 5]]).T
    found = rank_methods(-ranks, names(9, "X"), ["first", "second"])
    assert (found.friedman, found.p_value) == pytest.approx((11.733, 0.1635), abs=5e-4)
    assert found.methods[:3] == ("X0", "X5", "X7")
    assert found.average_ranks[:3] == (1, 2, 3.5)


def table(seed, methods, datasets, ties):
    rng = np.random.default_rng(seed)
    shape = (methods, datasets)
    values = rng.integers(3, size=shape) if ties else rng.normal(size=shape)
    return values + rng.normal(size=(methods, 1)) * 2 * (not ties)


def slow_average_ranks(figures):
    """One more than the methods that are better, and half of those that tie."""
    better = (figures[None] > figures[:, None]).sum(axis=1)
    tied = (figures[None] == figures[:, None]).sum(axis=1) - 1
    return (1 + better + tied / 2).mean(axis=1)


def slow_cliques(ranks, difference):
    """Every run of neighbours that spans less than the difference and is part of no longer one."""
    runs = [(i, j) for i in range(len(ranks)) for j in range(i + 2, len(ranks) + 1)]
    together = [(i, j) for i, j in runs if ranks[j - 1] - ranks[i] < difference]
    return [(i, j) for i, j in together if not any(k <= i and j <= m and (k, m) != (i, j) for k, m in together)]


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 9), st.integers(1, 30), st.booleans())
def test_ranks_and_cliques_equal_brute_force(seed, methods, datasets, ties):
    figures = table(seed, methods, datasets, ties)
    found = rank_methods(figures, names(methods, "m"), names(datasets, "d"))
    averages = slow_average_ranks(figures)
    assert found.average_ranks == pytest.approx(sorted(averages))
    assert [averages[int(name[1:])] for name in found.methods] == pytest.approx(list(found.average_ranks))
    expected = slow_cliques(found.average_ranks, found.critical_difference)
    assert found.cliques == tuple(found.methods[i:j] for i, j in expected)


def test_cliques_may_overlap():
    """Six methods in the same order on 40 data sets; the difference of 1.19 holds neighbours together and no more."""
    found = rank_methods(np.tile(np.arange(6.0), (40, 1)).T, names(6, "m"), names(40, "d"))
    assert found.cliques == (("m5", "m4"), ("m4", "m3"), ("m3", "m2"), ("m2", "m1"), ("m1", "m0"))
    assert found.p_value < 1e-30


def test_friedman_needs_three_methods_that_are_not_tied_everywhere():
    two = rank_methods([[0.9, 0.8], [0.7, 0.6]], ["a", "b"], ["x", "y"])
    assert (two.friedman, two.p_value) == (None, None)
    tied = rank_methods(np.full((3, 2), 0.5), ["a", "b", "c"], ["x", "y"])
    assert (tied.friedman, tied.p_value, tied.cliques) == (None, None, (("a", "b", "c"),))


@pytest.mark.parametrize(("datasets", "said"), [(1, "over 1 data set."), (5, "over 5 data sets."), (6, None)])
def test_few_data_sets_describe_only(datasets, said):
    found = rank_methods(table(0, 4, datasets, ties=False), names(4, "m"), names(datasets, "d"))
    assert (found.descriptive is None) == (said is None)
    assert said is None or said in found.descriptive


def test_tasks_on_the_same_images_are_one_witness():
    found = rank_methods(table(0, 4, 10, ties=False), names(4, "m"), names(10, "digit"), image_sets=1)
    assert "over 10 data sets, with 1 set of test images." in found.descriptive
    assert rank_methods(table(0, 4, 10, ties=False), names(4, "m"), names(10, "d"), image_sets=6).descriptive is None


def test_missing_figures_are_named():
    figures = [[0.9, math.nan], [0.7, 0.6], [math.nan, 0.5]]
    with pytest.raises(ValueError, match="found none of alpha on bags, gamma on scans"):
        rank_methods(figures, ["alpha", "beta", "gamma"], ["scans", "bags"])


def test_unusable_input_is_refused():
    with pytest.raises(ValueError, match=r"3 x 2 as named, found \(2, 2\)"):
        rank_methods(np.ones((2, 2)), names(3, "m"), names(2, "d"))
    with pytest.raises(ValueError, match="two or more methods"):
        rank_methods(np.ones((1, 2)), names(1, "m"), names(2, "d"))
    with pytest.raises(ValueError, match="0 < level < 1"):
        rank_methods(np.ones((2, 2)), names(2, "m"), names(2, "d"), level=95)
