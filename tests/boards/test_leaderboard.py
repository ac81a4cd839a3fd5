"""What is asked for, what is not there, and files of everything."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest
from made_records import make

from bench.board_formats.requests import boards_requested, write_all
from bench.boards.leaderboard import Known, after_a_run, leaderboard
from bench.boards.measures import MEASURES, parse_measures
from bench.errors import ConfigError, StoreError

AUROC = (MEASURES["auroc"],)


def known(store, **how):
    return Known.read(store, **how)


def test_names_that_nobody_has(store):
    make(store)
    with pytest.raises(ConfigError, match="Did you mean toy"):
        leaderboard(known(store), "toys")
    with pytest.raises(ConfigError, match="Did you mean mvtec-loco"):
        leaderboard(known(store), "mvtec-locos:all")
    with pytest.raises(ConfigError, match="Did you mean auroc"):
        parse_measures("aurc")
    with pytest.raises(ConfigError, match="Did you mean standard"):
        leaderboard(known(store), "toy", AUROC, preset="standart")
    with pytest.raises(ConfigError, match="Expected a metric"):
        parse_measures(" , ")


def test_no_record_and_no_published_row_says_what_to_run(store):
    with pytest.raises(ConfigError, match="bench run --method"):
        leaderboard(known(store), "oct-phantom")
    assert leaderboard(known(store), "lag")


def test_a_metric_that_no_run_has_names_those_that_are_there(store):
    make(store)
    with pytest.raises(ConfigError, match=r"No iou of toy: no run has maps or masks.*Known: .*auroc"):
        leaderboard(known(store), "toy", (MEASURES["iou"],))


def test_one_bad_record_does_not_hide_the_others(store):
    make(store)
    bad = make(store, "b")
    file = bad.folder / "record.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 1}))
    told = []
    found = known(store, with_published=False, on_damage=told.append)
    assert [row.name for row in leaderboard(found, "toy")[0].rows] == ["a"]
    (error,) = told
    assert "expected schema_version 2, found 1" in str(error)
    assert str(file) in str(error)
    with pytest.raises(StoreError, match="schema_version"):
        known(store)


@pytest.mark.parametrize("dataset", ["toy", "toy:all"])
def test_edited_or_missing_scores_are_named(store, dataset):
    make(store, category="1")
    record = make(store, "b", category="1")
    file = record.folder / "scores.parquet"
    pd.read_parquet(file).assign(score=1.0).to_parquet(file)
    with pytest.raises(StoreError, match=rf"{record.folder}.*was changed after the run"):
        leaderboard(known(store, with_published=False), dataset)
    file.unlink()
    with pytest.raises(StoreError, match=rf"{record.folder} holds no scores"):
        leaderboard(known(store, with_published=False), dataset)


def test_only_one_preset(store):
    make(store, "a", preset="quick")
    make(store, "b", preset="paper")
    (board,) = leaderboard(known(store, with_published=False), "toy", AUROC, preset="quick")
    assert [row.name for row in board.rows] == ["a"]


def test_categories_of_their_own_protocols_are_not_averaged(store):
    """MedMNIST's parts are data sets that share a file format."""
    for name in ("pneumoniamnist", "breastmnist"):
        make(store, dataset="medmnist", category=name, protocol=f"MedMNIST {name}", data=name)
    boards = leaderboard(known(store, with_published=False), "medmnist")
    assert [board.dataset for board in boards] == ["medmnist:breastmnist", "medmnist:pneumoniamnist"]


def test_categories_without_the_figure_or_the_preset_do_not_hide_the_others(store):
    make(store, "maps", dataset="mvtec-ad", category="bottle", areas={"hole": 0.5, "crack": 0.7})
    make(store, "scores", dataset="mvtec-ad", category="cable")
    make(store, "scores", dataset="mvtec-ad", category="cable", preset="quick")
    found = known(store, with_published=False)
    assert [board.dataset for board in leaderboard(found, "mvtec-ad:all", (MEASURES["au_spro@0.05"],))] == [
        "mvtec-ad:bottle"
    ]
    assert [board.dataset for board in leaderboard(found, "mvtec-ad:all", AUROC, preset="quick")] == ["mvtec-ad:cable"]
    with pytest.raises(ConfigError, match=r"No iou of mvtec-ad:all: no run has maps.*Known: .*au_spro@0\.05.*auroc"):
        leaderboard(found, "mvtec-ad:all", (MEASURES["iou"],))


def test_what_is_said_to_be_known_is_of_the_category_and_preset_asked_for(store):
    make(store, dataset="mvtec-ad", category="bottle", areas={"hole": 0.5, "crack": 0.7})
    make(store, dataset="mvtec-ad", category="cable", preset="quick")
    found = known(store, with_published=False)
    with pytest.raises(ConfigError, match=r"No auroc of mvtec-ad:bottle under preset quick: .*Known: none\."):
        leaderboard(found, "mvtec-ad:bottle", AUROC, preset="quick")
    with pytest.raises(ConfigError, match=r"No au_spro@0\.05 of mvtec-ad:cable: .*Known: (?!.*au_spro).*auroc"):
        leaderboard(found, "mvtec-ad:cable", (MEASURES["au_spro@0.05"],))


def test_all_writes_two_files_for_each_data_set(store, tmp_path):
    make(store)
    make(store, dataset="lag", preset="quick")
    found = known(store)
    files = list(write_all(found, AUROC, None, tmp_path / "out"))
    names = {file.name for file in files}
    assert {"toy-auroc.md", "toy-auroc.csv", "lag-auroc.md", "mvtec-loco-auroc.csv", "resc-auroc.md"} <= names
    assert all(file.is_file() for file in files)
    with (tmp_path / "out" / "lag-auroc.csv").open() as stream:
        assert {(row["method"], row["preset"]) for row in csv.DictReader(stream)} == {("f-AnoGAN", ""), ("a", "quick")}


def test_all_leaves_out_what_has_no_such_figure(store, tmp_path):
    files = list(write_all(known(store), (MEASURES["au_pro@0.3"],), None, tmp_path))
    assert [file.name for file in files] == ["resc-au_pro-0.3.md", "resc-au_pro-0.3.csv"]
    with pytest.raises(ConfigError, match="No board to write: nothing has aupimo"):
        list(write_all(known(store), (MEASURES["aupimo"],), None, tmp_path))


def test_all_writes_those_categories_of_a_data_set_that_have_the_figure(store, tmp_path):
    make(store, dataset="medmnist", category="chestmnist")
    make(store, dataset="medmnist", category="breastmnist", areas={"hole": 0.5, "crack": 0.7})
    found = known(store, with_published=False)
    written, _ = write_all(found, (MEASURES["au_spro@0.05"],), None, tmp_path)
    assert "medmnist:breastmnist" in written.read_text()
    assert "chestmnist" not in written.read_text()


def test_all_with_a_preset_that_nobody_ran_names_the_nearest(store, tmp_path):
    make(store)
    with pytest.raises(ConfigError, match="Did you mean standard"):
        list(write_all(known(store), AUROC, "standart", tmp_path))


def test_all_needs_a_folder_and_no_data_set(store):
    for out, dataset in ((None, None), (store.root, "toy")):
        with pytest.raises(ConfigError, match="Expected --all --out DIR"):
            list(write_all(known(store), AUROC, None, out, dataset))
    with pytest.raises(ConfigError, match=r"Expected --dataset NAME.*Known here: .*lag"):
        boards_requested(known(store), None, AUROC, None)


def test_after_a_run_there_is_a_board_for_each_data_set_with_times(store):
    records = [make(store, "a"), make(store, "b"), make(store, "a", dataset="other")]
    boards = after_a_run(records)
    assert [(board.dataset, len(board.rows)) for board in boards] == [("other", 1), ("toy", 2)]
    cells = boards[0].rows[0].cells
    assert cells["fit"].value == 5.0
    assert cells["per_image"].value == pytest.approx(1000 / 84)  # one second for 4 validation and 80 test images
    assert cells["average_precision"].value == records[2].metrics.score.average_precision


def test_after_all_categories_ran_their_mean_is_there_too(store):
    records = [make(store, dataset="elsewhere", category=name, data=name) for name in ("1", "2")]
    assert [board.dataset for board in after_a_run(records)] == ["elsewhere:1", "elsewhere:2", "elsewhere"]
    assert [board.dataset for board in after_a_run(records[:1])] == ["elsewhere:1"]


def test_what_takes_long_is_told(store):
    told = []
    make(store, seed=0)
    leaderboard(known(store), "toy", tell=told.append)
    assert told == []
    make(store, seed=1)
    leaderboard(known(store), "toy", tell=told.append)
    assert told == ["toy: resampling the test images of 2 runs"]
