"""Rows of our own against brute force: means over seeds, kinds and categories, intervals, ranges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_records import make, samples, scores_of
from scipy.special import ndtr
from scipy.stats import t
from simulated import distance, trainings
from sklearn.metrics import roc_auc_score

from bench.board_formats import writer
from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measured import Together, mean_of_intervals
from bench.boards.measures import MEASURES
from bench.boards.paired import difference
from bench.metrics.resampling import Interval
from bench.statistics import (
    SeedVariance,
    covariance_over_images,
    freedom_of_mean,
    influences,
    nested_auroc_interval,
)

AUROC, AREA = MEASURES["auroc"], MEASURES["au_spro@0.05"]


def only(boards):
    (board,) = boards
    return board


def board_of(store, dataset="toy", *measures):
    return only(leaderboard(Known.read(store, with_published=False), dataset, measures or (AUROC,)))


def test_a_figure_is_the_mean_over_seeds_with_a_nested_interval(store):
    for seed in (0, 1, 2):
        make(store, seed=seed, grouped=True)
    (row,) = board_of(store).rows
    test = samples(grouped=True)
    labels, groups = [s.label for s in test], [s.group for s in test]
    all_scores = np.stack([scores_of(test, 1.0, seed) for seed in (0, 1, 2)])
    cell = row.cells["auroc"]
    assert cell.value == pytest.approx(np.mean([roc_auc_score(labels, scores) for scores in all_scores]), abs=1e-12)
    expected = nested_auroc_interval(labels, all_scores, groups)
    assert (cell.bounds.low, cell.bounds.high, cell.bounds.kind) == (expected.low, expected.high, "interval")
    assert row.origin.seeds == (0, 1, 2)
    assert len(set(row.origin.keys)) == 3


def test_one_seed_keeps_the_records_own_interval(store):
    record = make(store)
    cell = board_of(store).rows[0].cells["auroc"]
    own = record.metrics.score.auroc_interval
    assert (cell.bounds.low, cell.bounds.high, cell.bounds.method) == (own.low, own.high, own.method)


def test_what_scores_do_not_give_has_its_own_interval_or_the_range_of_seeds(store):
    make(store, areas={"hole": 0.2, "crack": 0.4}, seed=0)
    (row,) = board_of(store, "toy", AREA).rows
    assert (row.cells[AREA.key].bounds.kind, row.cells[AREA.key].bounds.method) == ("interval", "by hand")
    make(store, areas={"hole": 0.6, "crack": 0.6}, seed=1)
    (row,) = board_of(store, "toy", AREA).rows
    bounds = row.cells[AREA.key].bounds
    assert row.cells[AREA.key].value == pytest.approx(0.45)
    assert (bounds.kind, bounds.low, bounds.high) == ("range", pytest.approx(0.3), 0.6)


def test_mean_of_kinds_has_its_kinds_beside_it(store):
    for seed in (0, 1):
        make(store, seed=seed, mean_of_kinds=True)
    board = board_of(store)
    test = samples()
    kinds = {}
    for kind in ("hole", "crack"):
        chosen = [i for i, s in enumerate(test) if s.kind in ("good", kind)]
        labels = [test[i].label for i in chosen]
        kinds[kind] = np.mean([roc_auc_score(labels, scores_of(test, 1.0, seed)[chosen]) for seed in (0, 1)])
    cells = board.rows[0].cells
    assert {column.key for column in board.columns} == {"auroc", "kind:hole", "kind:crack"}
    assert cells["kind:hole"].value == pytest.approx(kinds["hole"], abs=1e-12)
    assert cells["auroc"].value == pytest.approx(np.mean(list(kinds.values())), abs=1e-12)


def test_pooled_figures_show_no_kinds(store):
    make(store)
    assert [column.key for column in board_of(store).columns] == ["auroc"]


@pytest.fixture
def three_categories(monkeypatch):
    """A data set of three categories, as its plug-in would declare them."""
    from bench import registry

    known = registry.entries("dataset")

    def declare(facts):
        entry = registry.Entry("dataset", "toy", known["toy"].file, {"categories": ("x", "y", "z"), **facts})
        monkeypatch.setattr(registry, "entries", lambda kind: {**known, "toy": entry})

    declare({})
    return declare


def test_the_whole_is_the_mean_over_categories_whatever_their_seeds(store, three_categories):
    found = {}
    for category, strength, seeds in (("x", 0.5, (0, 1)), ("y", 1.0, (0,)), ("z", 2.0, (0, 1, 2))):
        records = [make(store, category=category, strength=strength, seed=s, data=category) for s in seeds]
        found[category] = np.mean([record.metrics.score.auroc for record in records])
    board = board_of(store)
    (row,) = board.rows
    assert (board.dataset, board.footer.categories, row.rank) == ("toy", ("x", "y", "z"), 1)
    assert row.cells["auroc"].value == pytest.approx(np.mean(list(found.values())), abs=1e-12)
    assert "here, 1–3 seeds" in writer("markdown")([board])
    assert {key: row.cells[f"category:{key}"].value for key in found} == pytest.approx(found, abs=1e-12)
    assert board.data == {"x": "x", "y": "y", "z": "z"}
    alone = leaderboard(Known.read(store, with_published=False), "toy:all")
    assert [each.dataset for each in alone] == ["toy:x", "toy:y", "toy:z"]


def test_an_incomplete_mean_is_said_and_not_ranked(store, three_categories):
    for category in ("x", "y"):
        make(store, "half", strength=3.0, category=category, data=category)
    for category in ("x", "y", "z"):
        make(store, "whole", strength=0.5, category=category, data=category)
    whole, half = board_of(store).rows
    assert (whole.name, whole.rank, whole.best) == ("whole", 1, True)
    assert (half.name, half.rank, half.unranked, half.best) == ("half", None, "2 of 3 categories", False)


def test_range_over_seeds_of_a_mean_is_taken_seed_by_seed(store, three_categories):
    for category, of_seeds in (("x", (0.2, 0.4)), ("y", (0.5, 0.3)), ("z", (0.6, 0.8))):
        for seed, area in enumerate(of_seeds):
            make(store, areas={"hole": area}, category=category, data=category, seed=seed)
    bounds = board_of(store, "toy", AREA).rows[0].cells[AREA.key].bounds
    assert (bounds.low, bounds.high) == (pytest.approx(1.3 / 3), pytest.approx(0.5))
    make(store, areas={"hole": 0.9}, category="z", data="z", seed=2)
    bounds = board_of(store, "toy", AREA).rows[0].cells[AREA.key].bounds
    assert bounds.low is None
    assert bounds.missing == "the categories have different seeds"


def test_intervals_of_independent_means_add_up_as_normal_ones_do():
    values, errors = [0.7, 0.8, 0.9], [0.02, 0.05, 0.03]
    intervals = [Interval(v - 1.96 * e, v + 1.96 * e, 0.95, "normal") for v, e in zip(values, errors, strict=True)]
    bounds = mean_of_intervals(intervals, values)
    margin = 1.96 * math.sqrt(sum(e * e for e in errors)) / 3
    assert (bounds.low, bounds.high) == (pytest.approx(0.8 - margin), pytest.approx(0.8 + margin))


def test_a_degenerate_category_leaves_the_mean_without_an_interval():
    intervals = [Interval(0.7, 0.9, 0.95, "m"), Interval(None, None, 0.95, "m", "AUROC is 1")]
    bounds = mean_of_intervals(intervals, [0.8, 1.0])
    assert (bounds.low, bounds.missing) == (None, "in some category: AUROC is 1")


def together(variance, correlation):
    return Together(variance * np.array(correlation), math.inf, shared_images=True)


def test_intervals_on_the_same_images_go_together():
    """Two figures that are one and the same have the interval of one; opposite ones cancel out."""
    intervals, values = [Interval(0.7, 0.95, 0.95, "skew")] * 2, [0.85, 0.85]
    error = (0.95 - 0.7) / 2 / 1.959964
    alike = mean_of_intervals(intervals, values, together(error**2, [[1.0, 1.0], [1.0, 1.0]]))
    assert (alike.low, alike.high) == (pytest.approx(0.7, abs=1e-6), pytest.approx(0.95, abs=1e-6))
    opposite = mean_of_intervals(intervals, values, together(error**2, [[1.0, -1.0], [-1.0, 1.0]]))
    assert (opposite.low, opposite.high) == (pytest.approx(0.85, abs=1e-3), pytest.approx(0.85, abs=1e-3))
    assert "on the same images" in alike.method


def test_every_way_that_categories_were_measured_is_named():
    ways = [Interval(0.7, 0.9, 0.95, "logit DeLong"), Interval(0.7, 0.9, 0.95, "bootstrap of 5 groups")]
    assert mean_of_intervals(ways, [0.8, 0.8]).method.endswith("each: logit DeLong / bootstrap of 5 groups")


def classes_as_tasks(store, method, strength, noise):
    """Three tasks on the same 240 images of three classes, each normal in one of them."""
    shown = np.random.default_rng(11).normal(size=240)
    own = np.random.default_rng(noise).normal(size=(3, 240))
    for task, category in enumerate("xyz"):
        test = [
            replace(sample, label=int(i % 3 != task), kind="good" if i % 3 == task else "other")
            for i, sample in enumerate(samples(240))
        ]
        labels = np.array([sample.label for sample in test])
        scores = shown + own[task] + strength * labels
        make(store, method, scores=scores, test=test, category=category, data=category)


def test_categories_on_the_same_images_are_not_taken_as_independent(store, three_categories):
    """The board's interval against a bootstrap of the images themselves, each drawn for all three tasks at once."""
    classes_as_tasks(store, "a", 1.2, 1)
    classes_as_tasks(store, "b", 0.9, 2)
    apart = board_of(store).rows[0].cells["auroc"].bounds
    three_categories({"categories_share_images": True})
    board = board_of(store)
    bounds = board.rows[0].cells["auroc"].bounds
    runs = [[run for run in Known.read(store).runs if run.record.spec.method == m] for m in "ab"]
    drawn, rng = [], np.random.default_rng(0)
    for _ in range(1000):
        take = rng.integers(240, size=240)
        drawn.append([
            np.mean([roc_auc_score(run.labels[take], run.score[take]) for run in of_method]) for of_method in runs
        ])  # fmt: skip
    sd_of_a, sd_of_difference = np.std(np.array(drawn)[:, 0]), np.std(np.diff(drawn, axis=1))
    assert (bounds.high - bounds.low) / (2 * 1.96) == pytest.approx(sd_of_a, rel=0.08)
    assert (apart.high - apart.low) / (2 * 1.96) != pytest.approx(sd_of_a, rel=0.15)
    assert "3 categories on the same images" in board.footer.comparison
    a, b = ({run.record.spec.category: [run] for run in of_method} for of_method in runs)
    found = difference(a, b, AUROC, shared_images=True)
    assert (found.interval.high - found.interval.low) / (2 * 1.96) == pytest.approx(sd_of_difference, rel=0.08)


def test_categories_that_cancel_out_are_not_tested(store, three_categories):
    """Two tasks on the same images with labels turned: whatever the scores, their AUROCs add up to 1."""
    three_categories({"categories": ("x", "y"), "categories_share_images": True})
    for method, noise in (("a", 1), ("b", 2)):
        scores = scores_of(samples(), 1.0, noise)
        turned = [replace(s, label=1 - s.label, kind="good" if s.label else "other") for s in samples()]
        make(store, method, scores=scores, category="x", data="x")
        make(store, method, scores=scores, test=turned, category="y", data="y")
    board = board_of(store)
    assert [row.cells["auroc"].value for row in board.rows] == pytest.approx([0.5, 0.5])
    (why,) = board.footer.untested.values()
    assert "another loses" in why


def test_a_category_that_both_rank_alike_does_not_hide_the_others(store, three_categories):
    perfect = [10.0 * sample.label for sample in samples()]
    for method, strength, noise in (("a", 2.0, 1), ("b", 0.3, 2)):
        make(store, method, scores=perfect, category="x", data="x")
        for category in "yz":
            make(store, method, strength=strength, noise=noise, category=category, data=category)
    board = board_of(store)
    assert [(row.name, row.tied) for row in board.rows] == [("a", False), ("b", False)]
    assert "mean over 3 categories" in board.footer.comparison


@pytest.mark.slow
def test_the_interval_of_a_mean_covers_as_often_as_it_says():
    """Three independent categories of AUROC about .85; 400 samples; the true mean is known in closed form."""
    from scipy.stats import norm

    from bench.statistics import logit_delong_interval

    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 60)
    strengths = (1.0, 1.5, 2.0)
    truth = np.mean([norm.cdf(strength / math.sqrt(2)) for strength in strengths])
    covered = 0
    for _ in range(400):
        scorings = [rng.normal(size=120) + strength * labels for strength in strengths]
        intervals = [logit_delong_interval(labels, scores) for scores in scorings]
        bounds = mean_of_intervals(intervals, [roc_auc_score(labels, scores) for scores in scorings])
        covered += bounds.low <= truth <= bounds.high
    assert 0.92 <= covered / 400 <= 0.98


def test_seeds_of_all_categories_together_say_how_far_seeds_vary():
    """Ten figures that vary alike and by their three seeds alone have 20 degrees of freedom; images add to them."""
    of_seeds = SeedVariance.of([np.array([0.7, 0.8, 0.9])])
    assert of_seeds.freedom(of_seeds.variance) == pytest.approx(2)
    assert freedom_of_mean(np.zeros((10, 10)), [of_seeds] * 10) == pytest.approx(20)
    assert freedom_of_mean(np.eye(10) * of_seeds.variance, [of_seeds] * 10) == pytest.approx(80)
    assert freedom_of_mean(np.eye(2), [SeedVariance(0.0, 0.0)] * 2) == math.inf


def test_the_mean_of_categories_is_widened_by_the_seeds_of_all(store, three_categories):
    for category in "xyz":
        for seed in range(2):
            make(store, category=category, seed=seed, strength=1.0 + 0.3 * seed, data=category)
    bounds = board_of(store).rows[0].cells["auroc"].bounds
    runs = [[r for r in Known.read(store).runs if r.record.spec.category == c] for c in "xyz"]
    of_seeds = [SeedVariance.of([np.array([r.record.metrics.score.auroc for r in of])]) for of in runs]
    of_images = [(influences(of[0].labels, np.stack([r.score for r in of])) ** 2).sum() for of in runs]
    variance = sum(of_images) + sum(each.variance for each in of_seeds)
    freedom = variance**2 / sum(each.variance**2 for each in of_seeds)
    assert (bounds.high - bounds.low) / 2 == pytest.approx(t.ppf(0.975, freedom) * math.sqrt(variance) / 3, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("categories", "seeds"), [(10, 2), (5, 3)])
def test_the_mean_over_categories_of_few_seeds_covers_as_often_as_it_says(categories, seeds):
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 100)
    truth = ndtr((distance(0.9) + 0.3 * rng.normal(size=1_000_000)) / math.sqrt(2)).mean()
    covered = 0
    for _ in range(400):
        rows = [trainings(rng, labels, rng.normal(size=200), seeds, 0.9, 0.3) for _ in range(categories)]
        figures = [np.array([roc_auc_score(labels, scores) for scores in of]) for of in rows]
        apart = covariance_over_images(
            [influences(labels, of) for of in rows], [[f"{k}/{i}" for i in range(200)] for k in range(categories)]
        )
        freedom = freedom_of_mean(apart, [SeedVariance.of([of]) for of in figures])
        intervals = [nested_auroc_interval(labels, of, [None] * 200, freedom=freedom) for of in rows]
        bounds = mean_of_intervals(intervals, [of.mean() for of in figures], Together(apart, freedom, False))
        covered += bounds.low <= truth <= bounds.high
    assert 0.92 <= covered / 400 <= 0.985
