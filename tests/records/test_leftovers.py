"""What killed processes leave behind is swept up by whoever holds the run's claim, and by nobody else."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from conftest import TINY

from bench.records.leftovers import sweep, tidy
from bench.records.saved import SavedRun
from bench.records.store import RecordStore


@pytest.fixture
def litter(run_toy, store):
    """A finished run whose process and command were killed at the worst moments."""
    (record,) = run_toy("intensity")
    work, jobs = store.root / "work", store.root / "jobs"
    jobs.mkdir(exist_ok=True)
    (work / f".draft-{record.key}-abc").mkdir()
    (work / f".draft-{record.key}-abc" / "scores.parquet").write_text("half")
    hidden = [work / f".{record.key}.progress.json.123", jobs / f".{record.key}.json.123"]
    plain = [work / f"{record.key}.progress.json", work / record.key / "walk.checkpoint", jobs / f"{record.key}.json"]
    for file in [*hidden, *plain]:
        file.write_text("left")
    return record, [work / f".draft-{record.key}-abc", *hidden], plain


def test_what_is_of_no_use_goes_and_what_an_unfinished_run_needs_stays(litter, store):
    record, hidden, plain = litter
    other = store.root / "work" / ".draft-0123456789abcdef-x"
    other.mkdir()
    sweep(store, record.key, is_done=False)
    assert [path.exists() for path in hidden] == [False] * 3
    assert [path.exists() for path in plain] == [True] * 3
    sweep(store, record.key, is_done=True)
    assert [path.exists() for path in plain] == [False] * 3
    assert other.exists()


def test_a_finished_run_is_tidied_by_the_next_command_which_says_so(litter, store, run_toy, caplog):
    record, hidden, plain = litter
    run_toy("intensity")
    assert not any(path.exists() for path in [*hidden, *plain])
    assert f"{record.key}: swept up" in caplog.text
    caplog.clear()
    run_toy("intensity")
    assert caplog.text == ""


def die_between_two_renames(store, record):
    """As a process leaves a record that was killed after it had put the earlier result aside."""
    record.folder.rename(store.root / "work" / f".replaced-{record.key}")


def test_an_earlier_result_comes_back_if_it_was_not_replaced(run_toy, store):
    first, _ = run_toy("intensity", "pca", settings=["components=4"])
    die_between_two_renames(store, first)
    run_toy("pca", settings=["components=4"], force=True)  # another run's record is written meanwhile
    assert store.find(first.spec) is None
    sweep(store, first.key, is_done=False)
    assert store.find(first.spec) == first
    assert SavedRun(first).file("scores.parquet")
    assert list((store.root / "work").glob(".replaced-*")) == []


def test_a_failure_does_not_take_the_place_of_a_result_that_was_put_aside(run_toy, store):
    (first,) = run_toy("intensity")
    die_between_two_renames(store, first)
    died = first.model_copy(update={"status": "failed", "reason": "killed by SIGKILL", "metrics": None})
    kept = store.write_failure(died, lambda draft: None)
    assert kept.reason == "killed by SIGKILL (the earlier result is kept)"
    assert store.find(first.spec) == first


def test_a_result_that_was_replaced_is_swept(run_toy, store):
    (first,) = run_toy("intensity")
    shutil.copytree(first.folder, store.root / "work" / f".replaced-{first.key}")
    tidy([first], store)
    assert list((store.root / "work").glob(".replaced-*")) == []
    assert store.find(first.spec) == first


def test_what_another_process_holds_is_left_to_it(litter, store):
    record, hidden, plain = litter
    with RecordStore(store.root).claim(record.spec):
        tidy([record], store)
        assert all(path.exists() for path in [*hidden, *plain])
    tidy([record], store)
    assert not any(path.exists() for path in [*hidden, *plain])


def test_a_stage_that_was_as_good_as_finished_is_tidied(run_toy, store):
    (record,) = run_toy("fanogan", settings=TINY)
    folder = store.stages.folder_of(record.stages["gan"])
    for name in ("GAN.checkpoint", ".stage.json.123"):
        (folder / name).write_text("left")
    run_toy("fanogan", settings=TINY)
    assert not (folder / "GAN.checkpoint").exists()
    assert not (folder / ".stage.json.123").exists()
    assert (folder / "stage.json").is_file()


def test_whoever_reads_a_finished_stage_tidies_it(run_toy, store):
    """Its trainer may have died when it could no longer give the claim back, with no run of its own to be tidied."""
    (record,) = run_toy("fanogan", settings=TINY)
    folder = store.stages.folder_of(record.stages["gan"])
    claim = folder.with_suffix(".claim")
    code = f"from pathlib import Path; from bench.records.claims import Claims; Claims().take(Path({str(claim)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    (folder / "GAN.checkpoint").write_text("left")
    run_toy("izi", settings=TINY)
    assert not claim.exists()
    assert not (folder / "GAN.checkpoint").exists()
