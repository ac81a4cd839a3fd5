"""What never stands on one board, and which runs are one configuration."""

from __future__ import annotations

import pytest
from made_records import failed, make

from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measures import MEASURES


def boards_of(store, dataset="toy", metric="auroc"):
    return leaderboard(Known.read(store, with_published=False), dataset, (MEASURES[metric],))


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "other rules"},
        {"data": "d1"},
        {"dataset_params": {"clean": True}},
        {"preset": "quick"},
        {"preset": "paper"},
        {"subset": True},
        {"synthetic": True},
        {"mean_of_kinds": True},
    ],
)
def test_other_terms_make_another_board(store, other):
    make(store, "a")
    make(store, "b", **other)
    assert [[row.name for row in board.rows] for board in boards_of(store)] in ([["a"], ["b"]], [["b"], ["a"]])


def test_full_budgets_and_complete_data_come_first(store):
    for preset in ("quick", "standard", "paper"):
        make(store, preset=preset)
    make(store, preset="paper", subset=True, data="fewer")
    assert [(b.preset, b.marks) for b in boards_of(store)] == [
        ("paper", ()), ("standard", ()), ("paper", ("subset",)), ("quick", ("quick",)),
    ]  # fmt: skip


def test_settings_and_views_are_rows_of_their_own_and_named(store):
    make(store, "a", settings={})
    make(store, "a", settings={"latent_dim": 64}, params={"latent_dim": 64})
    make(store, "b", settings={})
    (board,) = boards_of(store)
    assert sorted(row.name for row in board.rows) == ["a", "a (latent_dim 64)", "b"]
    make(store, "b", settings={}, view="resize:32")
    (board,) = boards_of(store)
    assert sorted(row.name for row in board.rows)[-2:] == ["b (resize:32)", "b (resize:64)"]


def test_records_that_do_not_say_their_settings_are_told_apart_by_what_differs(store):
    make(store, "a", params={"width": 2, "depth": 3})
    make(store, "a", params={"width": 4, "depth": 3})
    make(store, "b", params={"width": 8, "depth": 1})
    (board,) = boards_of(store)
    assert sorted(row.name for row in board.rows) == ["a (width 2)", "a (width 4)", "b"]


def test_the_newest_code_counts_and_the_rest_is_counted(store):
    """Seed 1 was only run with the old code: it is not averaged with seed 0 of the new one."""
    old = [make(store, seed=seed, code="old", finished="2026-01-01") for seed in (0, 1)]
    new = make(store, seed=0, code="new", strength=2.0, finished="2026-02-01")
    (board,) = boards_of(store)
    (row,) = board.rows
    assert row.origin.keys == (new.key,)
    assert row.cells["auroc"].value == new.metrics.score.auroc != old[0].metrics.score.auroc
    assert board.footer.older == 2


def test_a_changed_default_is_another_version_and_no_other_row(store):
    make(store, settings={}, params={"steps": 10}, code="old", finished="2026-01-01")
    make(store, settings={}, params={"steps": 20}, code="new", finished="2026-02-01")
    (board,) = boards_of(store)
    assert len(board.rows) == 1
    assert board.footer.older == 1


def test_failures_of_the_same_terms_are_named(store):
    failed(store, "b")
    (board,) = boards_of(store)
    assert board.footer.failed == ("b on toy, seed 0: failed, weights [missing]",)


@pytest.mark.parametrize(
    ("failure", "since"),
    [
        ({"code": "m0"}, {"code": "m1"}),
        ({"settings": {}, "params": {"steps": 10}}, {"settings": {}, "params": {"steps": 20}}),  # another default
        (
            {"params": {"steps": 10}},
            {"settings": {"steps": 10}, "params": {"steps": 10}, "code": "m1"},
        ),  # killed: settings not stated
    ],
)
def test_a_failure_is_forgotten_once_the_run_was_repeated(store, failure, since):
    failed(store, "b", finished="2026-01-01", **failure)
    make(store, "b", finished="2026-02-01", **since)
    (board,) = boards_of(store)
    assert board.footer.failed == ()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"settings": {"steps": 5}, "params": {"steps": 5}},
        {"view": "resize:32"},
        {"finished": "2025-01-01", "code": "m1"},  # it was done, and then its code was broken
    ],
)
def test_a_failure_that_nothing_repeated_since_stays(store, other):
    failed(store, "b", settings={}, finished="2026-01-01")
    make(store, "b", **({"settings": {}, "finished": "2026-02-01"} | other))
    (board,) = boards_of(store)
    assert len(board.footer.failed) == 1


def test_rows_without_the_figure_are_named_below(store):
    make(store, "a", areas={"hole": 0.3})
    make(store, "b")
    (board,) = boards_of(store, metric="au_spro@0.05")
    assert [row.name for row in board.rows] == ["a"]
    assert board.footer.without == ("b",)
