"""A run's maps and scores as files that other programs read, and records small enough to be kept with a paper."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.errors import SHOWN, ConfigError, StoreError, unknown_name
from bench.progress import Reporter
from bench.records.artifacts import write_score_table
from bench.records.checksums import write_checksums
from bench.records.leftovers import sweep
from bench.records.map_files import map_path, require_distinct_maps, write_map
from bench.records.record import SCORE, Metrics, Record
from bench.records.saved import SavedRun, finished, of_dataset
from bench.records.score_files import write_scores
from bench.records.store import RecordStore, read_record
from bench.writing import writing_output

if TYPE_CHECKING:
    import pandas as pd

SCORES_FILE = "scores.csv"
_COPIED = ("record.json", "scores.parquet")


@dataclass(frozen=True)
class _Image:
    """A test image, as far as an exported run knows it."""

    id: str


def find_run(run: str, store: RecordStore) -> Record:
    """The record in a folder, or the one in the store whose key begins so; raises ``StoreError`` or ``ConfigError``."""
    if (Path(run) / "record.json").is_file():
        return read_record(Path(run))
    folders = [file.parent for file in sorted(store.root.glob("runs/*/*/*/record.json"))]
    same = [folder for folder in folders if folder.name.startswith(run)]
    if len(same) == 1:
        return read_record(same[0])
    if same:
        listed = [folder.relative_to(store.root).as_posix() for folder in same]
        shown = ", ".join(listed[:SHOWN]) + (", …" if len(listed) > SHOWN else "")
        raise ConfigError(
            f"{len(same)} runs begin with '{run}': {shown}. Give more of the key, or the record's folder."
        )
    found = store.records(on_damage=lambda error: None)
    known = [f"{record.key} ({record.spec.method} on {record.spec.dataset_label})" for record in found]
    raise unknown_name("run", run, known, "Give the folder of the record, or its key.")


def export_maps(record: Record, out: Path, reporter: Reporter) -> Path:
    """Write every test image's map at native size, float64, and ``scores.csv``; returns the file of the scores.

    The layout is that of ``map_files``. Raises ``StoreError`` where the run kept no maps, or they cannot be written.
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
            values = maps[i]
            with writing_output(out, "DIR"):
                write_map(map_path(out, record.spec.category, image), values)
            progress.update(i + 1)
    return _export_scores(record, out)


def evaluation_command(record: Record, out: Path, scores: Path) -> str:
    """What has to be typed for the exported maps to be measured as the run's were, on the same split."""
    words = ["bench", "evaluate", "--dataset", record.spec.dataset_label]
    if root := record.provenance.get("data_root"):
        words += ["--data-root", root]
    changed = registry.changed_dataset_settings(record.spec.dataset, record.spec.dataset_params)
    for key, value in changed.items():
        if value is not None:  # which cannot be typed
            words += ["--set", f"{key}={value}"]
    return shlex.join([*words, "--maps", str(out), "--scores", str(scores)])


def _export_scores(record: Record, out: Path) -> Path:
    rows = SavedRun(record).scores
    base = out / record.spec.category if record.spec.category else out
    file = base / SCORES_FILE
    with writing_output(out, "DIR"):
        write_scores(file, [_Image(name) for name in rows["id"]], rows[SCORE].to_numpy())
    return file


def export_records(
    store: RecordStore,
    out: Path,
    datasets: Sequence[str] = (),
    without_parts: bool = False,
    on_damage: Callable[[StoreError], None] | None = None,
) -> Iterator[Record]:
    """Copy finished records with their scores, enough for boards and paired tests, into another results folder.

    ``datasets``: ``mnist:1`` or ``mnist``; without any, all. ``without_parts``: a method's own answer alone, and no
    figure of its parts, which could not be computed again. ``on_damage`` is told of records that cannot be read, which
    are left out; without it they raise. Weights, maps and pictures stay behind, and paths of this machine are shortened
    to their last part. ``SHA256SUMS`` lists all files that lie there then.

    Raises ``ConfigError`` where nothing was run, or a copy would replace a record that holds more, and ``StoreError``
    where scores were edited or ``out`` cannot be written.
    """
    runs = finished(store, on_damage)
    chosen = [run for name in datasets for run in of_dataset(runs, name)] if datasets else runs
    kept = RecordStore(out)
    _require_no_loss(store, kept, chosen)
    for run in chosen:
        record, rows = _without_the_rest(run, without_parts)
        with writing_output(out, "DIR"):
            copied = _put(kept, record, rows)
        yield copied
    with writing_output(out, "DIR"):
        write_checksums(out)
    with suppress(OSError):  # not empty: runs are under way there
        (out / "work").rmdir()


def _require_no_loss(store: RecordStore, kept: RecordStore, runs: Sequence[SavedRun]) -> None:
    """Copies lack most files: they must not take the place of whole records, least of all of their originals."""
    if kept.root.resolve() == store.root.resolve():
        raise ConfigError(
            f"Expected another folder after --out than that of the records, {store.root}: copies without weights and"
            " maps would replace them. Choose another: --out DIR."
        )
    for run in runs:
        folder = kept.folder_of(run.record.spec)
        more = sorted(path.name for path in folder.glob("*") if path.name not in _COPIED)
        if more:
            raise ConfigError(
                f"{folder} holds more than its copy would: {', '.join(more)}. Nothing was copied."
                " Move it away, or choose another folder: --out DIR."
            )


def _without_the_rest(run: SavedRun, without_parts: bool) -> tuple[Record, pd.DataFrame]:
    """The record as it is copied, and its scores."""
    record = run.record.model_copy(update={"provenance": _elsewhere(run.record.provenance)})
    if not (without_parts and record.metrics):
        return record, run.all_scores
    rows = run.all_scores.drop(columns=list(record.metrics.parts))
    return record.model_copy(update={"metrics": _of_the_answer(record.metrics)}), rows


def _put(kept: RecordStore, record: Record, rows: pd.DataFrame) -> Record:
    if kept.claims.is_free(kept.claim_of(record.spec)):
        sweep(kept, record.key, is_done=False)  # after a copy that was killed
    with kept.drafting(record.key) as draft:
        write_score_table(draft, rows)
        return kept.write(record, draft)


def _of_the_answer(metrics: Metrics) -> Metrics:
    by_kind = {kind: {SCORE: values[SCORE]} for kind, values in metrics.auroc_by_kind.items()}
    return metrics.model_copy(update={"parts": {}, "auroc_by_kind": by_kind})


def _elsewhere(provenance: dict[str, Any]) -> dict[str, Any]:
    """Where a result is from, without where it lay."""
    words = shlex.split(str(provenance.get("command") or ""))
    command = shlex.join(Path(word).name if Path(word).is_absolute() else word for word in words)
    return {name: value for name, value in provenance.items() if name != "data_root"} | {"command": command}
