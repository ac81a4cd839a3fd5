"""The store: whole or not at all, one process per run, and a clear word about what cannot be read."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time

import pandas as pd
import pytest
from conftest import TINY

from bench.errors import ClaimedError, StoreError
from bench.executors.serial import SerialExecutor
from bench.grid.execution import execute
from bench.grid.planning import plan
from bench.grid.request import Request
from bench.records.store import RecordStore, read_record
from bench.writing import replace_file


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(RuntimeError), replace_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    with replace_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_claimed_run_is_left_to_its_owner(run_toy, store):
    (record,) = run_toy("intensity")
    with store.claim(record.spec), pytest.raises(ClaimedError, match=f"{record.key} is under way: process"):
        RecordStore(store.root).claims.take(store.claim_of(record.spec))
    assert not store.claim_of(record.spec).exists()


def test_a_run_that_another_process_has_is_waited_for_and_not_repeated(store, silent):
    """The other process is a thread here: it works in a results folder of its own, then hands its record over."""
    request = Request(["intensity"], ["toy"], preset="quick")
    (planned,) = plan(request, store)
    claim = store.claim_of(planned.spec)
    theirs = RecordStore(store.root.with_name("theirs"))

    def work():
        with store.claims.hold(claim):
            execute([planned], theirs, SerialExecutor("cpu", silent), silent)
            started.set()
            time.sleep(1)
            shutil.copytree(theirs.folder_of(planned.spec), store.folder_of(planned.spec))

    started = threading.Event()
    other = threading.Thread(target=work)
    other.start()
    started.wait()
    silent.said.clear()
    (found,) = execute([planned], store, SerialExecutor("cpu", silent), silent)
    other.join()
    assert found.model_dump() == theirs.find(planned.spec).model_dump()
    (said,) = silent.said
    assert said.startswith(f"  intensity on toy, seed 0: {found.key} is under way: process {os.getpid()} on")


def test_a_run_that_another_process_finished_meanwhile_is_not_repeated(run_toy, store, silent):
    request = Request(["intensity"], ["toy"], preset="quick")
    planned_before = plan(request, store)
    (record,) = run_toy("intensity")
    silent.said.clear()
    (found,) = execute(planned_before, store, SerialExecutor("cpu", silent), silent)
    assert found.finished == record.finished
    assert silent.said == []


def test_a_damaged_record_is_named(run_toy):
    (record,) = run_toy("intensity")
    (record.folder / "record.json").write_text("{")
    with pytest.raises(StoreError, match=r"record\.json cannot be read"):
        read_record(record.folder)


def test_forcing_replaces_the_record(run_toy, store):
    (first,) = run_toy("intensity")
    (first.folder / "mark").write_text("")
    (second,) = run_toy("intensity", force=True)
    assert second.folder == first.folder
    assert not (second.folder / "mark").exists()
    assert len(store.records()) == 1


def test_a_damaged_record_is_kept_and_its_run_done_again(run_toy, store, silent):
    first, other = run_toy("intensity", "pca")
    file = first.folder / "record.json"
    file.write_text("{")
    (planned,) = plan(Request(["intensity"], ["toy"], preset="quick"), store)
    assert (planned.state, planned.is_to_do) == ("damaged", True)
    assert planned.reason == f"{file} cannot be read; to be done again"
    silent.said.clear()
    again, kept = run_toy("intensity", "pca")
    assert again.status == "done"
    assert again.metrics == first.metrics
    assert kept.finished == other.finished
    (damaged,) = (store.root / "damaged").glob("*/*/record.json")
    assert damaged.read_text() == "{"
    assert (damaged.parent / "scores.parquet").is_file()
    assert f"  damaged: intensity on toy, seed 0: {file} cannot be read; to be done again" in silent.said
    assert f"  {first.key}: the damaged record is kept as {damaged.parent}" in silent.said
    assert len(store.records()) == 2


def test_a_damaged_record_does_not_hide_that_others_are_stale(run_toy, store):
    (older,) = run_toy("intensity", settings=["images=80"])
    (damaged,) = run_toy("intensity", settings=["images=72"])
    (damaged.folder / "record.json").write_text("{")
    (planned,) = plan(Request(["intensity"], ["toy"], preset="quick"), store)
    assert (planned.state, planned.reason) == ("stale", "images 80 -> 96, data changed")
    assert older.key != damaged.key


@pytest.mark.parametrize("file", ["weights.safetensors", "stage.json"])
def test_a_damaged_stage_is_kept_and_trained_again(run_toy, store, caplog, file):
    (record,) = run_toy("fanogan", settings=TINY)
    scores = pd.read_parquet(record.folder / "scores.parquet")
    folder = store.stages.folder_of(record.stages["gan"])
    content = bytearray((folder / file).read_bytes())
    content[-10] ^= 1  # one bit of a weight, which any reader would take
    (folder / file).write_bytes(content if file == "weights.safetensors" else content[:-10])
    (again,) = run_toy("fanogan", settings=TINY, force=True)
    assert again.status == "done"
    pd.testing.assert_frame_equal(pd.read_parquet(again.folder / "scores.parquet"), scores, check_exact=True)
    assert f"{folder}" in caplog.text
    assert "is damaged" in caplog.text
    assert len(list((store.root / "damaged").glob("*/*/weights.safetensors"))) == 1


def test_a_damaged_stage_of_an_older_version_says_what_to_delete(run_toy, store):
    (record,) = run_toy("fanogan", settings=TINY)
    folder = store.stages.folder_of(record.stages["gan"])
    told = json.loads((folder / "stage.json").read_text())
    del told["weights_sha256"]
    (folder / "stage.json").write_text(json.dumps(told))
    (folder / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes()[:100])
    (again,) = run_toy("fanogan", settings=TINY, force=True)
    assert again.status == "failed"
    assert "Delete the folder" in again.reason
