"""One run, start to finish: seed, fit, score, measure, record."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import artifacts, registry
from bench.contracts import Detector
from bench.data import OpenedDataset
from bench.errors import BenchError, DivergedError, InterruptedRunError
from bench.evaluation import evaluate
from bench.images import ImageCache, cached_images, duplicates_across
from bench.maps import FOLDER as MAPS
from bench.maps import HighestPixels, MapWriter, StoredMaps
from bench.metrics.pixel_results import Measurement
from bench.pixel_evaluation import PIXEL_QUANTILE, has_annotations, maps_to_read, measure_pixels
from bench.progress import Reporter
from bench.provenance import now, provenance, usable_cores
from bench.record import Counts, Record, Status, facts_of
from bench.scoring import SCORE, Columns, TileMaps, score_images
from bench.spec import RunSpec, training_code
from bench.stopping import StopRequest
from bench.store import RecordStore, save_weights
from bench.training import CheckpointLostError, RunContext, read_rows
from bench.views import View


@dataclass
class Run:
    """One run under way."""

    spec: RunSpec
    data: OpenedDataset
    store: RecordStore
    device: torch.device
    reporter: Reporter
    stop: StopRequest
    work: Path
    seconds: dict[str, float] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    started: str = field(default_factory=now)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 3)


def perform(
    spec: RunSpec, data: OpenedDataset, store: RecordStore, device: torch.device, reporter: Reporter, stop: StopRequest
) -> Record:
    """Do the run and store its record, whatever comes of it. Only an unusable results folder is raised."""
    with store.claim(spec) as work:
        run = Run(spec, data, store, device, reporter, stop, work)
        try:
            try:
                return _fit_score_record(run)
            except CheckpointLostError:
                return _fit_score_record(run)  # once more, from the start
        except BaseException as error:  # noqa: BLE001 - the boundary of a run: every failure becomes a row
            return _record_failure(run, error)


def _fit_score_record(run: Run) -> Record:
    _seed_everything(run.spec.seed)
    caches = _decode(run)
    detector = _fit(run, caches)
    scored = _score(run, detector, caches)
    metrics = evaluate(run.data.split.test, scored.test, scored.val, run.data.dataset.kinds_are_averaged)
    measurement = _measure_maps(run, scored)
    if measurement:
        metrics = metrics.model_copy(update={"pixel": measurement.metrics})
    found = {"metrics": metrics, "method_facts": dict(detector.facts()), "trivial": detector.trivial}
    record = _record(run, "done", None).model_copy(update=found)
    return _store(run, record, detector, caches, scored, measurement)


def _seed_everything(seed: int) -> None:
    # Methods draw from the context's generators; this is for libraries that use the global ones.
    torch.manual_seed(seed)
    np.random.seed(seed)
    torch.set_num_threads(min(usable_cores(), torch.get_num_threads()))  # OMP_NUM_THREADS may ask for fewer
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def _decode(run: Run) -> dict[str, ImageCache]:
    split, dataset = run.data.split, run.data.dataset
    identity = f"{run.spec.dataset_code} {dict(run.spec.dataset_params)}"
    with run.timed("images"), run.reporter.stage("images", sum(map(len, split.parts().values()))) as progress:

        def advance(done: int, total: int) -> None:
            progress.update(done)
            run.stop.check()

        caches = cached_images(split, dataset.channels, identity, advance)
        progress.update(sum(map(len, caches.values())))
    run.facts["images_in_training_and_test"] = len(duplicates_across(split, caches))
    return caches


def _fit(run: Run, caches: Mapping[str, ImageCache]) -> Detector[Any]:
    cls, params_cls = registry.load_method(run.spec.method)
    detector: Detector[Any] = cls(registry.make_params(run.spec.method, params_cls, dict(run.spec.params)))
    view, mirror = View.parse(run.spec.view), run.data.dataset.mirrored_is_normal
    train, val = (view.training_images(caches[part], run.device, mirror) for part in ("train", "val"))
    with run.timed("fit"):
        detector.fit(train, val, context=_context(run))
    return detector


def _context(run: Run) -> RunContext:
    spec = run.spec
    shared = ("dataset", "category", "view", "seed", "data", "dataset_code", "protocol")
    identity = {name: getattr(spec, name) for name in shared}
    identity |= {"dataset_params": dict(spec.dataset_params), "training_code": training_code()}
    return RunContext(
        device=run.device,
        seed=spec.seed,
        folder=run.work,
        stages=run.store.stages,
        stage_identity=identity,
        reporter=run.reporter,
        stop=run.stop,
        used_stages=run.stages,
    )


@dataclass(frozen=True)
class _Scored:
    """What the detector said of each image, and the pixel threshold that its validation maps set."""

    val: Columns
    test: Columns
    pixel_threshold: float | None


def _score(run: Run, detector: Detector[Any], caches: Mapping[str, ImageCache]) -> _Scored:
    """Maps are kept where the data set has annotations to hold them against."""
    view, test = View.parse(run.spec.view), run.data.split.test
    val_shapes = caches["val"].shapes
    highest = HighestPixels(PIXEL_QUANTILE, int(val_shapes.prod(axis=1).sum()))
    shapes = iter(val_shapes.tolist())
    with run.timed("score"):
        if not has_annotations(test):
            return _Scored(_score_part(run, detector, caches, "val"), _score_part(run, detector, caches, "test"), None)
        val = _score_part(
            run, detector, caches, "val", lambda maps: highest.add(view.map_to_native(maps, *next(shapes)))
        )
        with MapWriter(run.work / MAPS, view, [sample.id for sample in test], caches["test"].shapes) as writer:
            scores = _score_part(run, detector, caches, "test", writer.add)
    return _Scored(val, scores, highest.threshold())


def _score_part(
    run: Run,
    detector: Detector[Any],
    caches: Mapping[str, ImageCache],
    part: str,
    keep_map: Callable[[TileMaps], None] | None = None,
) -> Columns:
    with run.reporter.stage(f"score {part}", len(caches[part])) as progress:

        def advance(done: int) -> None:
            progress.update(done)
            run.stop.check()

        return score_images(detector, View.parse(run.spec.view), caches[part], run.device, advance, keep_map)


def _measure_maps(run: Run, scored: _Scored) -> Measurement | None:
    maps = StoredMaps.open(run.work / MAPS)
    if maps is None:
        return None
    test, dataset = run.data.split.test, run.data.dataset
    with run.timed("metrics"), run.reporter.stage("metrics", maps_to_read(test)) as progress:
        return measure_pixels(
            test, maps.__getitem__, dataset.kinds_are_averaged, scored.pixel_threshold, progress, run.stop.check
        )


def _record(run: Run, status: Status, reason: str | None) -> Record:
    split = run.data.split
    return Record(
        key=run.spec.key,
        spec=run.spec,
        status=status,
        reason=reason,
        synthetic=run.data.dataset.synthetic,
        protocol_name=split.protocol,
        facts=facts_of(split) | run.facts,
        counts=Counts.of(split),
        stages=run.stages,
        seconds=run.seconds,
        provenance=provenance(str(run.device)) | {"data_root": str(run.data.root) if run.data.root else None},
        started=run.started,
        finished=now(),
    )


def _store(
    run: Run,
    record: Record,
    detector: Detector[Any],
    caches: Mapping[str, ImageCache],
    scored: _Scored,
    measurement: Measurement | None,
) -> Record:
    from bench.figures import draw_health

    split, view = run.data.split, View.parse(run.spec.view)
    with run.store.drafting() as draft:
        artifacts.write_split(draft, split)
        artifacts.write_scores(draft, split, {"val": scored.val, "test": scored.test})
        artifacts.write_training(draft, _training_rows(run))
        artifacts.write_measurement(draft, split.test, measurement)
        weights = detector.weights()
        if weights:
            save_weights(draft / "weights.safetensors", weights)
        if measurement:
            (run.work / MAPS).rename(draft / MAPS)
        draw_health(draft, detector, view, caches["test"], split.test, scored.test[SCORE], run.device)
        stored = run.store.write(record, draft)
    _clear(run.work)
    return stored


def _record_failure(run: Run, error: BaseException) -> Record:
    status, reason = _what_happened(error)
    earlier = run.store.find(run.spec)
    if earlier and earlier.status == "done":  # repeated with --force: a result must not be lost to a failure
        return _record(run, status, f"{reason} (the earlier result is kept)").at(earlier.folder)
    with run.store.drafting() as draft:
        artifacts.write_training(draft, _training_rows(run))
        if status == "failed":
            (draft / "traceback.txt").write_text("".join(traceback.format_exception(error)))
        return run.store.write(_record(run, status, reason), draft)


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
