"""The boards under results/ are what the records and published rows beside them give, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.board_formats.requests import write_all
from bench.boards.leaderboard import Known
from bench.boards.measures import parse_measures
from bench.records.saved import SavedRun
from bench.records.store import RecordStore
from bench.timing.formats import writer
from bench.timing.lookup import boards

RESULTS = Path(__file__).parents[1] / "results"
METRICS = ("auroc", "au_spro@0.05")


@pytest.mark.parametrize("metric", METRICS)
def test_boards_are_regenerated_to_the_letter(metric, tmp_path):
    known = Known.read(RecordStore(RESULTS / "measured"))
    written = list(write_all(known, parse_measures(metric), None, tmp_path))
    ending = metric.replace("@", "-")
    assert {file.name for file in written} == {file.name for file in RESULTS.glob(f"*-{ending}.*")}
    for file in written:
        assert file.read_text(encoding="utf-8") == (RESULTS / file.name).read_text(encoding="utf-8"), file.name


def test_the_stored_records_are_whole_and_name_no_machine():
    records = RecordStore(RESULTS / "measured").records()
    assert records
    for record in records:
        assert len(SavedRun(record).scores) == record.counts.test_normal + record.counts.test_anomalous
        command = record.provenance["command"]
        assert "data_root" not in record.provenance
        assert not any(word.startswith("/") for word in command.split())
        assert record.provenance["git"]["dirty"] is False


@pytest.mark.parametrize(("preset", "machine"), [("quick", "cpu"), ("standard", "h200")])
def test_timing_tables_are_regenerated_to_the_letter(preset, machine):
    (timings,) = boards(RESULTS / "measured", "oct-phantom", preset)
    for ending, form in {"md": "markdown", "csv": "csv"}.items():
        file = RESULTS / f"timing-oct-phantom-{machine}.{ending}"
        assert file.read_text(encoding="utf-8") == writer(form)([timings])
    for timing in timings:
        assert timing.failed is None
        assert timing.provenance["git"]["dirty"] is False
        assert not any(word.startswith("/") for word in timing.provenance["command"].split())
