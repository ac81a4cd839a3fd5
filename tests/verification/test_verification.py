"""``bench verify`` against results of which one thing was changed: every change must be found and named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from made_records import make

from bench.board_formats.requests import write_all
from bench.boards.leaderboard import Known
from bench.boards.measures import parse_measures
from bench.errors import ConfigError
from bench.files import content_digest
from bench.progress import LineReporter
from bench.records.checksums import SUMS, write_checksums
from bench.records.store import RecordStore
from bench.verification import verify

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture
def results(tmp_path):
    """Two methods, checksums and boards, as they stand in a repository."""
    measured = tmp_path / "results" / "measured"
    for name, strength in (("a", 1.0), ("b", 2.0)):
        make(RecordStore(measured), name, strength=strength, grouped=True)
    shutil.rmtree(measured / "work")
    write_checksums(measured)
    list(write_all(Known.read(RecordStore(measured)), parse_measures("auroc"), None, measured.parent))
    return measured.parent


def found_in(folder):
    return [(finding.check, finding.where, finding.what) for finding in verify(folder, LineReporter()).findings]


def record_file(results, method="a"):
    return next(results.glob(f"measured/runs/toy/{method}/*/record.json"))


def checks(results):
    return {check for check, _, _ in found_in(results)}


def test_what_nobody_touched_is_as_recorded(results):
    verified = verify(results, LineReporter())
    assert verified.findings == ()
    assert (verified.runs, verified.has_checksums) == (2, True)
    assert verified.boards == len(list(results.glob("*-auroc.*")))


@pytest.mark.parametrize(
    "field", ["auroc", "average_precision", "fpr_at_95_tpr", ("auroc_interval", "low"), ("auroc_interval", "high")]
)
def test_a_changed_figure_is_found_even_where_the_checksum_was_made_anew(results, field):
    file = record_file(results)
    content = json.loads(file.read_text())
    of, name = (content["metrics"]["score"], field) if isinstance(field, str) else (
        content["metrics"]["score"][field[0]], field[1]
    )  # fmt: skip
    of[name] += 1e-6
    file.write_text(json.dumps(content))
    assert {"checksums", "figures"} <= checks(results)
    write_checksums(results / "measured")
    [(_, where, what)] = [each for each in found_in(results) if each[0] == "figures"]
    assert where == str(file.parent)
    assert (field if isinstance(field, str) else field[1]) in what


def test_the_last_digit_of_a_record_is_found_by_its_checksum(results):
    file = record_file(results)
    value = repr(json.loads(file.read_text())["metrics"]["score"]["auroc"])
    changed = value[:-1] + str((int(value[-1]) + 1) % 10)
    file.write_text(file.read_text().replace(value, changed, 1))
    assert ("checksums", str(file), f"was changed: its SHA-256 is not that in {SUMS}") in found_in(results)


def test_a_digit_of_a_board_is_found(results):
    board = results / "toy-auroc.md"
    text = board.read_text()
    place = text.index("0.") + 2
    board.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    [(check, where, what)] = found_in(results)
    assert (check, where) == ("boards", str(board))
    assert what.startswith("line ")


def test_scores_that_were_edited_are_found(results):
    file = record_file(results).with_name("scores.parquet")
    rows = pd.read_parquet(file)
    rows.loc[0, "score"] += 1
    rows.to_parquet(file)
    assert checks(results) >= {"checksums", "files"}


def test_scores_edited_with_all_their_checksums_do_not_give_the_figures(results):
    record = record_file(results)
    file = record.with_name("scores.parquet")
    rows = pd.read_parquet(file)
    rows["score"] = rows["score"].to_numpy()[::-1]
    rows.to_parquet(file)
    content = json.loads(record.read_text())
    content["files"]["scores.parquet"] = content_digest(file)
    record.write_text(json.dumps(content))
    write_checksums(results / "measured")
    assert "figures" in checks(results)


def test_a_setting_changed_after_the_run_does_not_give_the_key(results):
    file = record_file(results)
    content = json.loads(file.read_text())
    content["spec"]["seed"] = 1
    file.write_text(json.dumps(content))
    assert "key" in checks(results)


def test_files_that_are_gone_or_new_are_named(results):
    gone, new = record_file(results).with_name("scores.parquet"), record_file(results, "b").with_name("notes.txt")
    gone.unlink()
    new.write_text("mine")
    found = found_in(results)
    assert ("checksums", str(gone), f"is listed in {SUMS} and not there") in found
    assert ("checksums", str(new), f"is not listed in {SUMS}") in found


def test_a_board_without_records_and_records_without_their_board_are_named(results):
    (results / "toy-auroc.csv").unlink()
    (results / "moon-auroc.md").write_text("## moon")
    assert [what for _, _, what in found_in(results)] == [
        "no record gives this board",
        "the records give this board, and it is not there",
    ]


def test_a_damaged_record_is_a_finding_and_no_crash(results):
    record_file(results).write_text("{")
    assert "records" in checks(results)


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="bench verify results"):
        verify(tmp_path, LineReporter())


def test_the_results_of_this_repository_are_as_recorded():
    verified = verify(RESULTS, LineReporter())
    assert verified.findings == ()
    assert verified.has_checksums
    assert verified.runs > 0
    assert verified.boards > 0
