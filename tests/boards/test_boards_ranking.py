"""Ranks, ties and the line to beat."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from made_records import make, samples, scores_of

from bench.board_formats.words import notes
from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measures import MEASURES
from bench.statistics import holm, paired_delong


def board_of(store, metric="auroc"):
    (board,) = leaderboard(Known.read(store, with_published=False), "toy", (MEASURES[metric],))
    return board


def test_equal_figures_share_a_rank_and_the_next_one_is_skipped(store):
    make(store, "a", noise=1)
    make(store, "b", noise=1)
    make(store, "c", strength=0.2)
    board = board_of(store)
    assert [(row.name, row.rank, row.best) for row in board.rows] == [("a", 1, True), ("b", 1, True), ("c", 3, False)]


def test_lower_is_better_where_the_metric_says_so(store):
    make(store, "weak", strength=0.2)
    make(store, "strong", strength=3.0)
    board = board_of(store, "fpr_at_95_tpr")
    assert [row.name for row in board.rows] == ["strong", "weak"]
    assert board.rows[0].cells["fpr_at_95_tpr"].value < board.rows[1].cells["fpr_at_95_tpr"].value


def test_ties_are_those_that_delong_after_holm_does_not_separate(store):
    """A, slightly disturbed copies of it, and noise; the family is the best against every other."""
    test = samples()
    labels = np.array([s.label for s in test])
    best = scores_of(test, 2.0, 0)
    rng = np.random.default_rng(3)
    scorings = {"a": best, "near": best + rng.normal(0, 0.3, len(best)), "mid": best + rng.normal(0, 2, len(best))}
    scorings["noise"] = rng.normal(size=len(best))
    for name, values in scorings.items():
        make(store, name, scores=values)
    board = board_of(store)
    first, *others = [row.name for row in board.rows]
    expected = holm([paired_delong(labels, scorings[first], scorings[name]).p_value for name in others])
    assert {row.name for row in board.rows if row.tied} == {
        n for n, p in zip(others, expected, strict=True) if p >= 0.05
    }
    assert {True, False} == {row.tied for row in board.rows[1:]}
    assert board.footer.reference == first
    assert "Holm over 3" in board.footer.comparison


def test_nothing_is_called_tied_where_nothing_was_tested(store):
    make(store, "a", areas={"hole": 0.300})
    make(store, "b", areas={"hole": 0.301})
    board = board_of(store, "au_spro@0.05")
    assert not any(row.tied for row in board.rows)
    assert board.footer.reference is None


def test_the_best_trivial_baseline_is_the_line(store):
    make(store, "size", strength=1.0, trivial=True)
    make(store, "grey", strength=0.0, trivial=True)
    make(store, "good", strength=3.0)
    make(store, "bad", strength=0.3)
    board = board_of(store)
    assert [row.name for row in board.rows] == ["good", "size", "bad", "grey"]
    assert board.footer.line == "size"
    assert board.footer.line_value == board.rows[1].cells["auroc"].value
    assert [row.name for row in board.rows if row.origin.below_line] == ["bad"]


def test_without_a_trivial_baseline_no_line_is_claimed(store):
    make(store)
    assert board_of(store).footer.line is None


@pytest.mark.parametrize("grouped", [False, True])
def test_several_seeds_are_compared_as_their_images_allow(store, grouped):
    for seed in range(2):
        make(store, "a", seed=seed, strength=2.0, grouped=grouped)
        make(store, "b", seed=seed, strength=0.5, noise=seed + 50, grouped=grouped)
    board = board_of(store)
    assert ("bootstrap" in board.footer.comparison) == grouped
    assert "seeds, their variance added" in board.footer.comparison or grouped


def test_what_could_not_be_compared_is_named_and_neither_tied_nor_separated(store):
    lonely = [*samples()[:3], *[sample for sample in samples() if sample.label == 0]]  # one anomalous image
    for name, noise in (("a", 1), ("b", 2)):
        make(store, name, noise=noise, test=lonely)
    board = board_of(store)
    assert [row.tied for row in board.rows] == [False, False]
    (why,) = board.footer.untested.values()
    told = dict(notes(board))
    assert "fewer than two images of anomalous images" in why
    assert why in told["not compared"]
    assert "ties" not in told


def test_rows_that_rank_the_images_alike_are_tied(store):
    test = samples()
    best = scores_of(test, 2.0, 0)
    make(store, "a", scores=best)
    make(store, "alike", scores=3 * best + 1)
    make(store, "noise", strength=0.1, noise=5)
    board = board_of(store)
    assert {row.name: row.tied for row in board.rows} == {"a": False, "alike": True, "noise": False}
    assert board.footer.untested == {}


@pytest.mark.parametrize(("seeds_of_b", "said"), [(1, "some rows"), (2, None)])
def test_one_training_is_said_to_be_one(store, seeds_of_b, said):
    for seed in range(2):
        make(store, "a", seed=seed, strength=2.0)
    for seed in range(seeds_of_b):
        make(store, "b", seed=seed, strength=0.5, noise=seed + 50)
    told = dict(notes(board_of(store))).get("seeds", "")
    assert told.startswith(said) if said else not told


def test_what_a_method_warns_of_stands_below_the_board(store):
    for name, facts in (("a", {"caveat": "not the paper's"}), ("b", {"caveat": "not the paper's"}), ("c", {})):
        record = make(store, name)
        with store.drafting(record.key) as draft:
            shutil.copy(record.folder / "scores.parquet", draft)
            store.write(record.model_copy(update={"method_facts": facts}), draft)
    assert dict(notes(board_of(store)))["caveat"] == "a, b: not the paper's"
