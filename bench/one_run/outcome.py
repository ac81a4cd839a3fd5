"""The record of a run: written with its files, or with what went wrong."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import registry
from bench.contracts import Detector
from bench.errors import BenchError, DivergedError, InterruptedRunError
from bench.images import ImageCache
from bench.judging.pixel_evaluation import measured_ids
from bench.metrics.pixel_results import Measurement
from bench.one_run.answers import Scored
from bench.one_run.state import Run
from bench.provenance import now, provenance
from bench.records import artifacts
from bench.records.pictures import MAPS, REDRAWN
from bench.records.record import SCORE, Counts, Metrics, Record, Status, facts_of
from bench.records.weights import save_weights
from bench.training.services import read_rows
from bench.views import View


def _record(run: Run, status: Status, reason: str | None) -> Record:
    split, study = run.data.split, {"study": run.study} if run.study else {}
    return Record(
        key=run.spec.key,
        spec=run.spec,
        status=status,
        reason=reason,
        synthetic=run.data.dataset.synthetic,
        protocol_name=split.protocol,
        facts=facts_of(split) | run.facts,
        settings=_changed_settings(run),
        counts=Counts.of(split),
        stages=run.stages,
        seconds=run.seconds,
        provenance=provenance(str(run.device)) | _data_root(run) | study | run.origin,
        started=run.started,
        finished=now(),
    )


def _data_root(run: Run) -> dict[str, Any]:
    return {"data_root": str(run.data.root) if run.data.root else None}


def _changed_settings(run: Run) -> dict[str, Any]:
    spec = run.spec
    images = View.parse(spec.view).different(len(run.data.split.train))
    return registry.changed_settings(spec.method, spec.preset, spec.params, images)


def record_done(
    run: Run,
    detector: Detector[Any],
    caches: Mapping[str, ImageCache],
    scored: Scored,
    metrics: Metrics,
    measurement: Measurement | None,
) -> Record:
    """Store what came out, with everything that it was computed from."""
    found = {"metrics": metrics, "method_facts": dict(detector.facts()), "trivial": detector.trivial}
    record = _record(run, "done", None).model_copy(update=found)
    with run.store.drafting(run.spec.key) as draft:
        _write_tables(draft, run, scored, measurement)
        if weights := detector.weights():
            save_weights(draft / "weights.safetensors", weights)
        for kept in (MAPS, REDRAWN):
            if (run.work / kept / "index.json").is_file():
                (run.work / kept).rename(draft / kept)
        _draw_health(draft, run, detector, caches["test"], scored)
        stored = run.store.write(record, draft)
    _clear(run.work)
    return stored


def _write_tables(draft: Path, run: Run, scored: Scored, measurement: Measurement | None) -> None:
    split = run.data.split
    artifacts.write_split(draft, split)
    artifacts.write_scores(draft, split, scored.columns)
    artifacts.write_codes(draft, scored.test.codes)
    artifacts.write_training(draft, _training_rows(run))
    artifacts.write_measurement(draft, measured_ids(split.test), measurement)


def _draw_health(draft: Path, run: Run, detector: Detector[Any], images: ImageCache, scored: Scored) -> None:
    from bench.judging.health import draw_health

    scores = scored.test.columns[SCORE]
    draw_health(draft, detector, View.parse(run.spec.view), images, run.data.split.test, scores, run.device)


def record_failure(run: Run, error: BaseException) -> Record:
    """Store what went wrong, as a row; an earlier result is kept and not replaced."""
    status, reason = _what_happened(error)

    def fill(draft: Path) -> None:
        artifacts.write_training(draft, _training_rows(run))
        if status == "failed":
            (draft / "traceback.txt").write_text("".join(traceback.format_exception(error)))

    return run.store.write_failure(_record(run, status, reason), fill)


def _what_happened(error: BaseException) -> tuple[Status, str]:
    if isinstance(error, DivergedError):
        return "diverged", str(error)
    if isinstance(error, InterruptedRunError | KeyboardInterrupt):
        return "interrupted", str(error) or "stopped by the user; the same command resumes it"
    if isinstance(error, BenchError):
        return "failed", str(error)
    return "failed", f"{type(error).__name__}: {error}"


def _training_rows(run: Run) -> list[dict[str, Any]]:
    of_stages = [row for key in run.stages.values() for row in read_rows(run.store.stages.folder_of(key))]
    return of_stages + read_rows(run.work)


def _clear(work: Path) -> None:
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
