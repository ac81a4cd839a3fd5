"""Records copied for a paper: small, sealed anew, and telling the same."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
from made_records import make

from bench.boards.leaderboard import Known, leaderboard
from bench.errors import ConfigError, StoreError
from bench.records import saved
from bench.records.export import export_records, find_run
from bench.records.saved import SavedRun
from bench.records.store import RecordStore


def test_copied_records_make_the_same_boards(run_toy, store, tmp_path):
    run_toy("intensity", "pca", settings=["components=4"])
    copied = list(export_records(store, tmp_path / "kept"))
    there = RecordStore(tmp_path / "kept")
    assert len(copied) == len(there.records()) == 2
    assert leaderboard(Known.read(there), "toy") == leaderboard(Known.read(store), "toy")
    files = {path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    assert files == {"record.json", "scores.parquet", "SHA256SUMS"}
    first, again = (saved.finished(place)[0] for place in (store, there))
    assert np.array_equal(first.score, again.score)
    assert again.maps is None


def test_paths_of_the_machine_stay_behind(run_toy, store, tmp_path):
    (record,) = run_toy("intensity")
    told = {
        **record.provenance,
        "data_root": "/home/me/data",
        "command": "bench run --data-root /home/me/data --seeds 0",
    }
    with store.drafting(record.key) as draft:
        (draft / "scores.parquet").write_bytes((record.folder / "scores.parquet").read_bytes())
        store.write(record.model_copy(update={"provenance": told}), draft)
    (copied,) = export_records(store, tmp_path / "kept")
    assert "/home/me" not in (copied.folder / "record.json").read_text()
    content = json.loads((copied.folder / "record.json").read_text())
    assert content["provenance"]["command"] == "bench run --data-root data --seeds 0"
    assert content["key"] == record.key


def test_only_the_data_sets_asked_for_are_copied(run_toy, store, tmp_path):
    run_toy("intensity")
    assert len(list(export_records(store, tmp_path / "kept", ["toy"]))) == 1
    with pytest.raises(ConfigError, match="Did you mean toy"):
        list(export_records(store, tmp_path / "other", ["toys"]))
    assert not (tmp_path / "other").exists()


def test_nothing_to_copy(store, tmp_path):
    with pytest.raises(ConfigError, match="Begin with: bench run"):
        list(export_records(store, tmp_path / "kept"))


def test_parts_can_stay_behind_with_their_figures(run_toy, store, tmp_path):
    (record,) = run_toy("intensity")
    (copied,) = export_records(store, tmp_path / "kept", without_parts=True)
    assert record.metrics.parts
    assert not copied.metrics.parts
    assert copied.metrics.score == record.metrics.score
    assert all(list(values) == ["score"] for values in copied.metrics.auroc_by_kind.values())
    whole, kept = (SavedRun(each).all_scores for each in (record, copied))
    assert set(whole.columns) - set(kept.columns) == set(record.metrics.parts)
    assert kept["score"].equals(whole["score"])


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_originals_are_not_replaced_by_their_copies(run_toy, store, tmp_path):
    (record,) = run_toy("intensity")
    before = files_of(record.folder)
    (tmp_path / "link").symlink_to(store.root)
    for out in (store.root, tmp_path / "link"):
        with pytest.raises(ConfigError, match=r"Expected another folder after --out .*Choose another: --out DIR"):
            list(export_records(store, out))
    assert files_of(record.folder) == before


def test_thin_records_are_not_made_thinner_in_their_place(run_toy, store, tmp_path):
    run_toy("intensity")
    list(export_records(store, tmp_path / "kept"))
    there, before = RecordStore(tmp_path / "kept"), files_of(tmp_path / "kept")
    with pytest.raises(ConfigError, match="Expected another folder after --out"):
        list(export_records(there, there.root, without_parts=True))
    assert files_of(there.root) == before


def test_a_fuller_record_elsewhere_is_not_replaced_and_nothing_is_copied(run_toy, store, tmp_path):
    _, second = run_toy("intensity", "pca", settings=["components=4"])
    other = tmp_path / "other" / second.folder.relative_to(store.root)
    other.mkdir(parents=True)
    (other / "weights.safetensors").write_text("hours of training")
    with pytest.raises(ConfigError, match=rf"{other} holds more than its copy would: weights.safetensors"):
        list(export_records(store, tmp_path / "other"))
    assert list(files_of(tmp_path / "other")) == [other / "weights.safetensors"]


def test_a_second_export_adds_to_the_first(run_toy, store, tmp_path):
    run_toy("intensity")
    list(export_records(store, tmp_path / "kept"))
    run_toy("pca", settings=["components=4"])
    assert len(list(export_records(store, tmp_path / "kept"))) == 2
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "kept", check=True)


def test_checksums_are_written_where_runs_are_under_way(run_toy, store, tmp_path):
    (record,) = run_toy("intensity")
    checkpoint = tmp_path / "busy" / "work" / "0123456789abcdef" / "walk.checkpoint"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("hours of training")
    list(export_records(store, tmp_path / "busy"))
    assert checkpoint.read_text() == "hours of training"
    assert record.key in (tmp_path / "busy" / "SHA256SUMS").read_text()


def test_what_a_killed_export_left_is_swept_by_the_next(run_toy, store, tmp_path):
    (record,) = run_toy("intensity")
    draft = tmp_path / "kept" / "work" / f".draft-{record.key}-abc"
    draft.mkdir(parents=True)
    (draft / "scores.parquet").write_text("half")
    list(export_records(store, tmp_path / "kept"))
    assert not (tmp_path / "kept" / "work").exists()


def test_a_damaged_record_is_told_and_hides_no_other(store, tmp_path):
    make(store, "a")
    damaged = make(store, "b")
    (damaged.folder / "record.json").write_text("{")
    told = []
    (copied,) = export_records(store, tmp_path / "kept", on_damage=told.append)
    assert copied.spec.method == "a"
    assert [type(error) for error in told] == [StoreError]
    assert str(damaged.folder) in str(told[0])


def test_a_run_is_found_beside_a_damaged_one_which_is_named_when_it_is_meant(store):
    good, damaged = make(store, "a"), make(store, "b")
    (damaged.folder / "record.json").write_text("{")
    assert find_run(good.key, store) == good
    with pytest.raises(StoreError, match=rf"{damaged.folder / 'record.json'} cannot be read"):
        find_run(damaged.key, store)
    with pytest.raises(ConfigError, match=rf"Unknown run 'x'.*{good.key} \(a on toy\)"):
        find_run("x", store)


def test_a_beginning_that_several_share_is_not_called_unknown(store):
    records = [make(store, method) for method in ("a", "b")]
    with pytest.raises(ConfigError, match="2 runs begin with ''") as error:
        find_run("", store)
    assert all(record.key in str(error.value) for record in records)
    assert "Give more of the key" in str(error.value)
