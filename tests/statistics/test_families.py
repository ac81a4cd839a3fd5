"""Holm's adjustment against closed testing and published examples."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import holm


def closed_bonferroni(p_values):
    """Holm is the closure of Bonferroni: reject where every set of hypotheses around it is rejected as a whole."""
    family = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(family, size)]
    local = {chosen: min(1.0, len(chosen) * min(p_values[i] for i in chosen)) for chosen in sets}
    return [max(p for chosen, p in local.items() if i in chosen) for i in family]


SOME = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.01, 0.5, 1.0])), max_size=7)


@given(SOME)
def test_holm_equals_closed_testing(p_values):
    assert holm(p_values) == pytest.approx(closed_bonferroni(p_values))


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=7))
def test_what_was_not_tested_stays_so_and_costs_nothing(p_values):
    adjusted = holm(p_values)
    assert [p is None for p in adjusted] == [p is None for p in p_values]
    assert [p for p in adjusted if p is not None] == holm([p for p in p_values if p is not None])


def test_holm_reproduces_published_decisions():
    """Wikipedia, "Holm-Bonferroni method": of .01, .04, .03 and .005 the first and the last are rejected at .05.

    SISA, "Bonferroni-Holm": the fourth smallest of seven, .0145, is the first that is not.
    """
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    sisa = holm([0.00001, 0.00099, 0.003, 0.0145, 0.016, 0.06, 0.13])
    assert [p < 0.05 for p in sisa] == [True] * 3 + [False] * 4


@pytest.mark.parametrize("p_value", [-0.1, 1.1, math.nan])
def test_p_values_are_shares(p_value):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.1, p_value, None])
