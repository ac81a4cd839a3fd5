"""Records copied for a paper: small, sealed anew, and telling the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.boards.leaderboard import Known, leaderboard
from bench.errors import ConfigError
from bench.records import saved
from bench.records.export import export_records
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
