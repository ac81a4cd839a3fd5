"""Figures of raters against closed forms, published tables and scikit-learn."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score

from bench.turing.agreement import agreement, fleiss_kappa
from bench.turing.scoring import Share, score
from bench.turing.verdicts import read_verdicts

from .ballots import ballot, write


def scored(tmp_path, *contents):
    return score(read_verdicts(write(tmp_path, *contents)))


@pytest.mark.parametrize(("k", "n"), [(0, 7), (7, 7), (41, 60), (19, 60), (30, 60), (1, 1)])
def test_a_share_against_closed_forms(k, n):
    share = Share.of(k, n)
    z = norm.ppf(0.975)
    for bound in (share.interval.low, share.interval.high):  # Wilson's bounds solve (p - k/n)^2 = z^2 p (1 - p) / n
        assert (bound - k / n) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=1e-12)
    assert share.interval.low <= share.share <= share.interval.high
    tail = sum(Fraction(math.comb(n, i), 2**n) for i in range(min(k, n - k) + 1))
    assert share.p == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-9)


def test_wilson_intervals_as_published():
    """Newcombe 1998, Statistics in Medicine 17, 857, table I, method 3."""
    for k, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        interval = Share.of(k, n).interval
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_one_rater(tmp_path):
    """Truth g r g r r g g r."""
    found = scored(tmp_path, ballot("gggrrrrr", confidence=3, seconds=2.0))
    (rater,) = found.raters
    assert (rater.figures.accuracy.correct, rater.figures.accuracy.n) == (5, 8)
    assert (rater.figures.real.correct, rater.figures.real.n) == (3, 4)
    assert (rater.figures.generated.correct, rater.figures.generated.n) == (2, 4)
    assert (rater.figures.confidence, rater.figures.seconds) == (3, 2.0)
    assert rater.is_finished
    assert found.agreement is None
    assert found.pooled == rater.figures


def test_raters_are_pooled_and_the_unfinished_are_named(tmp_path):
    found = scored(tmp_path, ballot("gggrrrrr", "Ada", seconds=2.0), ballot("gr", "Bob", confidence=1, seconds=7.0))
    assert found.unfinished == ["Bob"]
    assert (found.pooled.accuracy.correct, found.pooled.accuracy.n) == (5 + 2, 10)
    assert found.pooled.confidence == pytest.approx((8 * 2 + 2 * 1) / 10)
    assert found.pooled.seconds == pytest.approx((8 * 2 + 2 * 7) / 10)
    assert found.agreement.images == 2


def test_images_of_one_kind_only(tmp_path):
    found = scored(tmp_path, ballot("g"))
    assert found.pooled.real is None
    assert found.pooled.generated.correct == 1


def test_two_raters_agree_as_scikit_learn_has_it(tmp_path):
    first, second = "gggrrrrr", "grgrrggr"
    found = scored(tmp_path, ballot(first, "Ada"), ballot(second, "Bob")).agreement
    assert found.name == "Cohen's kappa"
    assert found.value == pytest.approx(cohen_kappa_score(list(first), list(second)))
    # By hand: they agree on 5 of 8; by chance on 3/8 4/8 + 5/8 4/8 = 1/2.
    assert found.value == pytest.approx((5 / 8 - 1 / 2) / (1 - 1 / 2))


def test_fleiss_kappa_of_a_published_example():
    """Fourteen raters, ten subjects, five categories: kappa 0.210 (Wikipedia, Fleiss' kappa, worked example)."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(table) == pytest.approx(0.210, abs=5e-4)


def test_three_raters_agree_as_pairs_of_them_do(tmp_path):
    """Fleiss' agreement is the share of pairs of raters who say the same; chance that of two draws."""
    said = ["gggrrrrr", "grgrrggr", "rrgrgggr"]
    found = scored(tmp_path, *(ballot(each, name) for each, name in zip(said, "ABC", strict=True))).agreement
    pairs = [(a[i], b[i]) for i in range(8) for a, b in [said[:2], said[1:], said[::2]]]
    observed = np.mean([a == b for a, b in pairs])
    share = np.mean([letter == "g" for each in said for letter in each])
    by_chance = share**2 + (1 - share) ** 2
    assert found.name == "Fleiss' kappa"
    assert found.value == pytest.approx((observed - by_chance) / (1 - by_chance))


def test_agreement_only_on_what_all_judged():
    said = [
        {"a": "real", "b": "generated", "c": "real"},
        {"a": "real", "b": "generated"},
        {"b": "generated", "a": "real"},
    ]
    found = agreement(said)
    assert (found.value, found.images) == (1, 2)


def test_agreement_that_is_not_defined():
    assert agreement([{"a": "real"}, {"a": "real"}]).undefined == "all verdicts are the same"
    assert agreement([{"a": "real"}, {"b": "real"}]).undefined == "no image was judged by all"
    for table in ([[2, 0], [2, 0]], [[1, 1], [2, 1]], [[1, 0], [0, 1]]):
        with pytest.raises(ValueError, match="Expected"):
            fleiss_kappa(table)
