"""A run's maps and scores as files that other programs read, and records small enough to be kept with a paper."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import StoreError, unknown_name
from bench.progress import Reporter
from bench.records.artifacts import write_score_table
from bench.records.checksums import write_checksums
from bench.records.map_files import map_path, require_distinct_maps, write_map
from bench.records.record import SCORE, Metrics, Record
from bench.records.saved import SavedRun, finished, of_dataset
from bench.records.score_files import write_scores
from bench.records.store import RecordStore, read_record

SCORES_FILE = "scores.csv"


@dataclass(frozen=True)
class _Image:
    """A test image, as far as an exported run knows it."""

    id: str


def find_run(run: str, store: RecordStore) -> Record:
    """The record in a folder, or the one in the store whose key begins so; raises ``StoreError`` or ``ConfigError``."""
    folder = Path(run)
    if (folder / "record.json").is_file():
        return read_record(folder)
    found = {record.key: record for record in store.records()}
    same = [record for key, record in found.items() if key.startswith(run)]
    if len(same) != 1:
        known = [f"{key} ({record.spec.method} on {record.spec.dataset_label})" for key, record in found.items()]
        raise unknown_name("run", run, known, "Give the folder of the record, or its key.")
    return same[0]


def export_maps(record: Record, out: Path, reporter: Reporter) -> Path:
    """Write every test image's map at native size, float64, and ``scores.csv``; returns the file of the scores.

    The layout is that of ``map_files``. Raises ``StoreError`` where the run kept no maps.
    """
    maps = SavedRun(record).maps
    if maps is None:
        raise StoreError(
            f"{record.folder} holds no maps. They are kept where the method makes maps and the data set has masks to"
            " hold them against."
        )
    images = [_Image(name) for name in maps.ids]
    require_distinct_maps(images)
    with reporter.stage("export", len(maps)) as progress:
        for i, image in enumerate(images):
            write_map(map_path(out, record.spec.category, image), maps[i])
            progress.update(i + 1)
    return _export_scores(record, out)


def _export_scores(record: Record, out: Path) -> Path:
    rows = SavedRun(record).scores
    base = out / record.spec.category if record.spec.category else out
    file = base / SCORES_FILE
    write_scores(file, [_Image(name) for name in rows["id"]], rows[SCORE].to_numpy())
    return file


def export_records(
    store: RecordStore, out: Path, datasets: Sequence[str] = (), without_parts: bool = False
) -> Iterator[Record]:
    """Copy finished records with their scores, enough for boards and paired tests, into another results folder.

    ``datasets``: ``mnist:1`` or ``mnist``; without any, all. ``without_parts``: a method's own answer alone, and no
    figure of its parts, which could not be computed again. Weights, maps and pictures stay behind, and paths of this
    machine are shortened to their last part. ``SHA256SUMS`` lists all files that lie there then.

    Raises ``ConfigError`` where nothing was run and ``StoreError`` where scores were edited.
    """
    runs = finished(store)
    chosen = [run for name in datasets for run in of_dataset(runs, name)] if datasets else runs
    kept = RecordStore(out)
    kept.require_writable()
    for run in chosen:
        with kept.drafting(run.record.key) as draft:
            record = run.record.model_copy(update={"provenance": _elsewhere(run.record.provenance)})
            rows = run.all_scores
            if without_parts and record.metrics:
                rows = rows.drop(columns=list(record.metrics.parts))
                record = record.model_copy(update={"metrics": _of_the_answer(record.metrics)})
            write_score_table(draft, rows)
            yield kept.write(record, draft)
    (out / "work").rmdir()
    write_checksums(out)


def _of_the_answer(metrics: Metrics) -> Metrics:
    by_kind = {kind: {SCORE: values[SCORE]} for kind, values in metrics.auroc_by_kind.items()}
    return metrics.model_copy(update={"parts": {}, "auroc_by_kind": by_kind})


def _elsewhere(provenance: dict[str, Any]) -> dict[str, Any]:
    """Where a result is from, without where it lay."""
    words = shlex.split(str(provenance.get("command") or ""))
    command = shlex.join(Path(word).name if Path(word).is_absolute() else word for word in words)
    return {name: value for name, value in provenance.items() if name != "data_root"} | {"command": command}
