"""Records, jobs, submissions and the other JSON files of a results folder."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from made_records import make
from rich.console import Console

import bench.plugins
from bench import registry
from bench.durations import clock
from bench.errors import PluginError, StoreError
from bench.executors.slurm_submission import submissions
from bench.jobs.job import Job, read_job
from bench.jobs.progress import Progress
from bench.records.claims import Holder, holder_of
from bench.records.pictures import MAPS, StoredPictures
from bench.records.record import Record
from bench.records.store import RecordStore, read_record
from bench.tables import record_report, troubles_report
from fuzz.cases import JSON, as_json, for_all, ours_or_good, reshaped, spoilt

SUBMISSION = {"array": "12", "submitted": "2026-01-01T00:00:00+00:00", "keys": ["0" * 16], "timeout": 60.0}
PICTURES = {"ids": ["a", "b"], "native": [[4, 6], [4, 5]], "stored": [[2, 3], [4, 5]]}
PROGRESS = {"stage": "fit", "done": 1, "total": 2, "left": 3.5, "values": {"loss": 0.1}, "waits_for": None}
DEEP = b"[" * 100_000


def spoilt_json(valid):
    """A JSON file with bytes changed, with its structure changed, or of any shape at all."""
    return st.one_of(spoilt(as_json(valid)), reshaped(valid).map(as_json), JSON.map(as_json), st.just(DEEP))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return make(RecordStore(tmp_path_factory.mktemp("results")), areas={"hole": 0.5, "crack": 0.6}, settings={})


def test_records(written, examples, tmp_path):
    store = RecordStore(tmp_path)

    def use():
        record = read_record(tmp_path)
        console = Console(width=100, file=io.StringIO())
        console.print(record_report(record))
        console.print(troubles_report([record], store.root) or "")
        assert store.folder_of(record.spec).relative_to(store.root / "runs").parts[2] == record.spec.key
        assert Record.from_json(record.model_dump_json()).spec.key == record.spec.key

    def check(data):
        (tmp_path / "record.json").write_bytes(data)
        ours_or_good(use)

    for_all(spoilt_json(json.loads((written.folder / "record.json").read_text())), examples, check)


def test_jobs(written, examples, tmp_path):
    job = Job(key=written.key, spec=written.spec, results=tmp_path)

    def check(data):
        (tmp_path / "job.json").write_bytes(data)
        ours_or_good(lambda: read_job(tmp_path / "job.json"), lambda read: (read.log, read.label, read.spec.key))

    for_all(spoilt_json(json.loads(job.model_dump_json())), examples, check)


def test_submissions_to_slurm(examples, tmp_path):
    file = tmp_path / "slurm" / "one" / "submission.json"
    file.parent.mkdir(parents=True)

    def check(data):
        file.write_bytes(data)
        ours_or_good(lambda: submissions(tmp_path), lambda found: [each.task_id(0) for each in found])

    for_all(spoilt_json(SUBMISSION), examples, check)


def test_claims_have_a_holder_known_or_not(examples, tmp_path):
    def check(data):
        (tmp_path / "a.claim").write_bytes(data)
        holder = holder_of(tmp_path / "a.claim")
        assert isinstance(holder.is_gone, bool)
        assert str(holder).startswith("process ")

    for_all(spoilt_json(vars(Holder.here())), examples, check)


def test_progress_can_be_shown_or_says_nothing(examples, tmp_path):
    def check(data):
        (tmp_path / "progress.json").write_bytes(data)
        progress = Progress.read(tmp_path / "progress.json")
        assert f"{progress.stage} {progress.done:d}/{progress.total:d} {clock(progress.left or 0)}"
        assert all(f"{name} {value:.3g}" for name, value in progress.values.items())

    for_all(spoilt_json(PROGRESS), examples, check)


def test_pictures(examples, tmp_path):
    folder = tmp_path / MAPS
    folder.mkdir()
    values = np.arange(26, dtype=np.float32).tobytes()

    def check(case):
        index, stored = case
        (folder / "index.json").write_bytes(index)
        (folder / "values.f32").write_bytes(stored)
        ours_or_good(lambda: StoredPictures.open(folder), lambda found: [found.as_stored(i) for i in range(len(found))])

    for_all(st.tuples(spoilt_json(PICTURES), st.sampled_from([values, values[:-4], b"", b"abc"])), examples, check)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a\\b", "a/b", "..", "", "x\0", "x" * 101, "a\n", "\ud800"])
def test_names_that_lead_out_of_the_results_are_refused_in_records(written, tmp_path, name):
    valid = json.loads((written.folder / "record.json").read_text())
    for key in ("method", "dataset", "category"):
        content = {**valid, "spec": {**valid["spec"], key: name}}
        (tmp_path / "record.json").write_bytes(as_json(content))
        if key == "category" and not name:
            continue  # none
        with pytest.raises(StoreError, match=r"record\.json cannot be read as a record: .+ Move the folder away"):
            read_record(tmp_path)


@pytest.mark.parametrize("name", ["a\\b", "...", "x" * 101, "a\nb"])
def test_plug_ins_of_such_names_are_said_to_be_broken(tmp_path, monkeypatch, name):
    folder = tmp_path / "methods"
    folder.mkdir()
    source = Path(__file__).parents[1] / "plugins" / "methods" / "explode.py"
    (folder / f"{name}.py").write_text(source.read_text())
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(tmp_path)])
    listed = name.replace("_", "-")
    assert "rename it" in registry.entries("method")[listed].problem
    with pytest.raises(PluginError, match="rename it"):
        registry.load_method(listed)


@pytest.mark.parametrize("key", ["../../x", "/etc/x", "0" * 15, "0" * 17, "0" * 16 + "\n", "ABCDEF0123456789"])
def test_keys_are_sixteen_digits(written, tmp_path, key):
    content = {**json.loads((written.folder / "record.json").read_text()), "key": key}
    (tmp_path / "record.json").write_bytes(as_json(content))
    with pytest.raises(StoreError, match="key: "):
        read_record(tmp_path)
