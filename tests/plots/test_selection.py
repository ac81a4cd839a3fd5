"""What may stand in one figure, and what is said of what may not."""

from __future__ import annotations

import pytest
from fabricated import write_run

from bench.boards.leaderboard import Known, leaderboard
from bench.errors import ConfigError, StoreError
from bench.plots.request import Wanted
from bench.plots.selection import select, select_each


def test_seeds_stand_together_in_order_and_methods_as_asked_for(store):
    for seed in (2, 0, 1):
        write_run(store, "beta", seed=seed)
    write_run(store, "alpha")
    chosen = select(store, Wanted("cells"))
    assert {name: [r.record.spec.seed for r in runs] for name, runs in chosen.runs.items()} == {
        "alpha": [0], "beta": [0, 1, 2],
    }  # fmt: skip
    assert list(select(store, Wanted("cells", ["beta", "alpha"])).runs) == ["beta", "alpha"]
    assert [r.record.spec.seed for r in select(store, Wanted("cells", ["beta"], seeds=[1])).runs["beta"]] == [1]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"preset": "quick"}, r"does not mix presets.*\n  standard: alpha.*\n  quick: beta.*\n.*--preset standard or"),
        (
            {"protocol": "theirs"},
            r"does not mix protocols.*\n  ours: alpha.*\n  theirs: beta.*--method alpha or --method beta",
        ),
        ({"data": "e" * 64}, r"does not mix versions of the data.*\n  dddddddddddd: alpha.*\n  eeeeeeeeeeee: beta"),
        ({"dataset": "wood"}, r"does not mix data sets.*\n  cells: alpha.*\n  wood: beta.*\n.*--dataset cells or"),
        ({"method": "alpha", "view": "resize:32"}, r"does not mix views of alpha.*--view resize:\d+ or"),
    ],
)
def test_what_differs_is_not_mixed_but_named(store, changes, what):
    write_run(store, "alpha")
    write_run(store, **{"method": "beta", **changes})
    with pytest.raises(ConfigError, match=f"(?s){what}"):
        select(store, Wanted())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"protocol": "folder bolts"}, r"mix protocols.*\n  ours: alpha on cells.*\n  folder bolts: alpha on cells"),
        (
            {"dataset_params": {"train_scans": 32, "seed": 0}},
            r"mix parameters of the data set.*\n  train_scans 32: alpha.*\n  train_scans 64: alpha",
        ),
    ],
)
def test_a_run_on_other_data_is_no_older_version(store, changes, what):
    """The same method, preset and code on two data sets of one name: nothing on the command line tells them apart."""
    first = {"dataset_params": {"train_scans": 64, "seed": 0}}
    write_run(store, **first)
    write_run(store, **{**first, "data": "e" * 64, "finished": "2026-01-02T00:00:00+00:00", **changes})
    with pytest.raises(ConfigError, match=f"(?s){what}.*\nKeep a --results folder for each: bench run … --results"):
        select(store, Wanted("cells"))


def test_the_same_data_after_a_change_of_its_files_are_an_older_version(store):
    write_run(store)
    write_run(store, data="e" * 64, finished="2026-01-02T00:00:00+00:00", code="new")
    chosen = select(store, Wanted("cells"))
    assert [run.record.spec.data[0] for run in chosen.runs["alpha"]] == ["e"]
    assert [run.record.spec.data[0] for run in chosen.older] == ["d"]


def test_a_failure_on_other_data_is_another_figure_s(store):
    write_run(store)
    write_run(store, "beta", status="failed", protocol="theirs")
    write_run(store, "gamma", status="failed", dataset_params={"train_scans": 32})
    assert not any("Without a result" in note for note in select(store, Wanted()).notes)


def test_a_remedy_can_be_pasted(store):
    write_run(store)
    write_run(store, preset="own maps")
    with pytest.raises(ConfigError, match="--preset 'own maps'"):
        select(store, Wanted())
    with pytest.raises(ConfigError, match="bench run --preset 'my preset' …"):
        leaderboard(Known.read(store, with_published=False), "cells", preset="my preset")


def test_a_preset_or_a_view_settles_it(store):
    write_run(store, "alpha")
    write_run(store, "beta", preset="quick")
    write_run(store, "alpha", view="resize:32")
    assert list(select(store, Wanted(preset="quick")).runs) == ["beta"]
    (run,) = select(store, Wanted(preset="standard", view="resize:32")).runs["alpha"]
    assert run.record.spec.view == "resize:32"


def test_the_newest_version_of_a_run_stands_for_it(store):
    for day, code in ((1, "old"), (3, "new"), (2, "middle")):
        write_run(store, finished=f"2026-01-0{day}T00:00:00+00:00", code=code)
    chosen = select(store, Wanted())
    assert [run.record.spec.method_code for run in chosen.runs["alpha"]] == ["new"]
    assert sorted(run.record.spec.method_code for run in chosen.older) == ["middle", "old"]


def test_seeds_of_older_code_are_not_averaged_with_newer_ones(store):
    for seed, day, code in ((0, 1, "old"), (1, 1, "old"), (0, 2, "new")):
        write_run(store, seed=seed, finished=f"2026-01-0{day}T00:00:00+00:00", code=code)
    chosen = select(store, Wanted())
    assert [(run.record.spec.seed, run.record.spec.method_code) for run in chosen.runs["alpha"]] == [(0, "new")]
    assert len(chosen.older) == 2


@pytest.mark.parametrize("is_declared", [True, False])
def test_other_parameters_are_other_rows_named_as_on_a_board(store, is_declared):
    for width in (64, 128):
        for seed in (0, 1):
            params = {"width": width, "depth": 2}
            write_run(store, seed=seed, params=params, settings={"width": width} if is_declared else None)
    write_run(store, "beta", params={"width": 9})
    chosen = select(store, Wanted())
    assert list(chosen.runs) == ["alpha (width 128)", "alpha (width 64)", "beta"]
    assert [[run.record.spec.params["width"] for run in runs] for runs in chosen.runs.values()] == [
        [128, 128], [64, 64], [9],
    ]  # fmt: skip
    assert not chosen.older


def test_names_are_those_of_the_leaderboard(store):
    for settings in ({}, {"width": 64}, {"width": 128, "rate": 0.001}):
        write_run(store, params=settings, settings=settings)
    (board,) = leaderboard(Known.read(store, with_published=False), "cells")
    assert sorted(select(store, Wanted()).runs) == sorted(row.name for row in board.rows)


def test_a_run_without_a_result_is_named_on_the_figure_unless_repeated(store):
    write_run(store)
    write_run(store, "beta", status="diverged")
    write_run(store, status="failed", code="older")
    assert "Without a result: beta seed 0 (diverged)." in select(store, Wanted()).notes


def test_a_run_without_a_result_is_named_with_its_parameters(store):
    write_run(store)
    write_run(store, status="failed", params={"width": 64}, settings={"width": 64})
    write_run(store, status="failed", view="resize:32")  # another figure's
    write_run(store, status="failed", precision="bf16")
    assert "Without a result: alpha (width 64) seed 0 (failed)." in select(store, Wanted()).notes


@pytest.mark.parametrize("method", ["alpha", "beta"])
def test_precisions_are_not_mixed_and_one_is_named(store, method):
    write_run(store)
    write_run(store, method, precision="bf16", finished="2026-01-02T00:00:00+00:00")
    with pytest.raises(
        ConfigError, match=rf"(?s)does not mix precisions(?=.*float32: alpha)(?=.*bf16: {method}).*--precision"
    ):
        select(store, Wanted())
    (run,) = select(store, Wanted(precision="float32")).runs["alpha"]
    assert run.record.spec.precision == "float32"
    chosen = select(store, Wanted(precision="bf16"))
    assert list(chosen.runs) == [method]
    assert chosen.dataset_with_marks == "cells (bf16)"


def test_damage_elsewhere_is_told_and_stops_no_figure(store):
    write_run(store)
    damaged = write_run(store, "beta", dataset="wood")
    (damaged.folder / "record.json").write_text("{")
    told = []
    assert list(select(store, Wanted("cells"), told.append).runs) == ["alpha"]
    assert list(select_each(store, Wanted(), told.append)) == ["cells"]
    assert [str(damaged.folder) in str(error) for error in told] == [True, True]  # once for each reading of the store
    with pytest.raises(StoreError):
        select(store, Wanted("cells"))


def test_marks_and_counts_stand_on_the_figure(store):
    write_run(store, preset="quick")
    assert select(store, Wanted()).notes == [
        "cells (quick): 20 normal and 40 anomalous test images, 15 patients.",
        "Protocol: ours.",
    ]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("cell"), "Did you mean cells"),
        (Wanted(methods=["alfa"]), "Did you mean alpha"),
        (Wanted(preset="standart"), "Did you mean standard"),
        (Wanted(view="resize:65"), "Did you mean resize:64"),
        (Wanted(precision="float23"), "Did you mean float32"),
        (Wanted(seeds=[0, 7]), r"Expected seeds 0, 7 of alpha, found 0\..*--seeds 7"),
    ],
)
def test_names_that_no_record_has(store, wanted, message):
    write_run(store)
    with pytest.raises(ConfigError, match=message):
        select(store, wanted)


def test_nothing_was_run_yet(store):
    with pytest.raises(ConfigError, match="Begin with: bench run"):
        select(store, Wanted("cells"))


def test_each_data_set_has_its_own_selection(store):
    for dataset, category in (("wood", None), ("cells", "1"), ("cells", "2")):
        write_run(store, dataset=dataset, category=category, data=dataset[0] * 64)
    assert list(select_each(store, Wanted())) == ["cells:1", "cells:2", "wood"]
    assert list(select_each(store, Wanted("cells:2,wood"))) == ["cells:2", "wood"]
    write_run(store, dataset="wood", preset="quick")
    with pytest.raises(ConfigError, match="does not mix presets"):
        select_each(store, Wanted())
