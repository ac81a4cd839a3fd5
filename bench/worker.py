"""One run, start to finish: seed, fit, score, measure, record.

``python -m bench.worker JOB.json`` does it in a process of its own, as told by the job's file (``bench.jobs``).
"""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import artifacts, registry
from bench.contracts import Detector
from bench.data import OpenedDataset
from bench.errors import BenchError, ClaimedError, DivergedError, InterruptedRunError, RunError
from bench.evaluation import evaluate
from bench.images import ImageCache, cached_images, duplicates_across
from bench.leftovers import sweep
from bench.metrics.pixel_results import Measurement
from bench.out_of_memory import what_to_try
from bench.pictures import MAPS, REDRAWN, PictureWriter, StoredPictures
from bench.pixel_evaluation import PIXEL_QUANTILE, HighestPixels, has_annotations, maps_to_read, measure_pixels
from bench.precision import computing_in
from bench.progress import Reporter
from bench.provenance import now, provenance, usable_cores
from bench.record import SCORE, Counts, Record, Status, facts_of
from bench.scoring import TILES_PER_BATCH, Answers, KeepMap, KeepRedrawn, score_images
from bench.spec import RunSpec, training_code
from bench.stopping import StopRequest
from bench.store import RecordStore, WhenBusy, save_weights
from bench.training import CheckpointLostError, RunContext, read_rows
from bench.training_images import training_images
from bench.views import View

_SMALL = 256 * 2**20  # bytes


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
    study: str | None = None
    waits: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    """What joins the provenance on the way."""
    started: str = field(default_factory=now)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 3)


def perform(
    spec: RunSpec,
    data: OpenedDataset,
    store: RecordStore,
    device: torch.device,
    reporter: Reporter,
    stop: StopRequest,
    *,
    study: str | None = None,
    waits: bool = True,
) -> Record:
    """Do the run and store its record, whatever comes of it.

    Raised is only ``ClaimedError``, when another process does this run, or trains a stage of it and this one is not to
    wait (``waits``), and ``StoreError`` for an unusable results folder. ``study`` is the digest of a ``--config`` file.
    """
    with store.claim(spec) as work:
        sweep(store.root, spec.key, is_done=False)
        run = Run(spec, data, store, device, reporter, stop, work, study, waits)
        try:
            try:
                return _fit_score_record(run)
            except CheckpointLostError:
                return _fit_score_record(run)  # once more, from the start
        except ClaimedError:
            raise  # another process is at it: no result, and no failure
        except BaseException as error:  # noqa: BLE001 - the boundary of a run: every failure becomes a row
            return _record_failure(run, error)


def _fit_score_record(run: Run) -> Record:
    _seed_everything(run.spec.seed)
    caches = _decode(run)
    with computing_in(run.spec.precision, run.device):
        detector = _fit(run, caches)
        scored = _score(run, detector, caches)
    columns = {part: answers.columns for part, answers in scored.parts().items()}
    metrics = evaluate(run.data.split.test, columns["test"], columns["val"], run.data.dataset.kinds_are_averaged)
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


def _decode(run: Run) -> dict[str, ImageCache]:
    split, dataset = run.data.split, run.data.dataset
    with run.timed("images"), run.reporter.stage("images", sum(map(len, split.parts().values()))) as progress:

        def advance(done: int, total: int) -> None:
            progress.update(done)
            run.stop.check()

        caches = cached_images(split, dataset.channels, run.spec.decoding, advance)
        progress.update(sum(map(len, caches.values())))
    run.facts["images_in_training_and_test"] = len(duplicates_across(split, caches))
    return caches


def _fit(run: Run, caches: Mapping[str, ImageCache]) -> Detector[Any]:
    cls, params_cls = registry.load_method(run.spec.method)
    detector: Detector[Any] = cls(registry.make_params(run.spec.method, params_cls, dict(run.spec.params)))
    view, mirror = View.parse(run.spec.view), run.data.dataset.mirrored_is_normal
    train, val = (training_images(view, caches[part], run.device, mirror) for part in ("train", "val"))
    with run.timed("fit"):
        try:
            detector.fit(train, val, context=_context(run))
        except torch.OutOfMemoryError as error:
            raise RunError(what_to_try(run.spec.method, run.spec.params, run.device, error)) from error
    return detector


def _context(run: Run) -> RunContext:
    spec = run.spec
    shared = ("dataset", "category", "view", "seed", "data", "dataset_code", "protocol", "precision")
    identity = {name: getattr(spec, name) for name in shared}
    identity |= {"dataset_params": dict(spec.dataset_params), "training_code": training_code()}
    return RunContext(
        device=run.device,
        seed=spec.seed,
        folder=run.work,
        stages=run.store.stages.asking(_patience(run)),
        stage_identity=identity,
        reporter=run.reporter,
        stop=run.stop,
        used_stages=run.stages,
    )


def _patience(run: Run) -> WhenBusy:
    """Wait for a stage that another process trains, and say so once; or leave the run for later."""
    said: set[Path] = set()

    def when_busy(error: ClaimedError) -> None:
        if not run.waits:
            raise error
        if error.file not in said:
            said.add(error.file)
            run.reporter.say(f"  waiting: shared stage {error}")
        run.stop.check()

    return when_busy


@dataclass(frozen=True)
class _Scored:
    """What the detector said of each image, and the pixel threshold that its validation maps set."""

    val: Answers
    test: Answers
    pixel_threshold: float | None

    def parts(self) -> dict[str, Answers]:
        return {"val": self.val, "test": self.test}


def _score(run: Run, detector: Detector[Any], caches: Mapping[str, ImageCache]) -> _Scored:
    with run.timed("score"):
        val, threshold = _score_validation(run, detector, caches)
        scored = _Scored(val, _score_test(run, detector, caches), threshold)
    tiles = min(answers.tiles_per_batch for answers in scored.parts().values())
    if tiles < TILES_PER_BATCH:
        run.origin["tiles_per_batch"] = tiles
    return scored


def _score_validation(
    run: Run, detector: Detector[Any], caches: Mapping[str, ImageCache]
) -> tuple[Answers, float | None]:
    """The answers, and the pixel threshold where there are defects to decide on."""
    if not has_annotations(run.data.split.test):
        return _score_part(run, detector, caches, "val"), None
    view, native = View.parse(run.spec.view), caches["val"].shapes
    highest = HighestPixels(PIXEL_QUANTILE, int(native.prod(axis=1).sum()))
    shapes = iter(native.tolist())
    val = _score_part(run, detector, caches, "val", lambda maps: highest.add(view.to_native(maps, *next(shapes))))
    return val, highest.threshold()


def _score_test(run: Run, detector: Detector[Any], caches: Mapping[str, ImageCache]) -> Answers:
    """Maps are kept where they can be measured or are small, redrawn images where they are small."""
    view, cache = View.parse(run.spec.view), caches["test"]
    values = len(cache) * view.size**2 if view.stride is None else int(cache.shapes.prod(axis=1).sum())
    wanted = {MAPS: has_annotations(run.data.split.test) or 4 * values <= _SMALL, REDRAWN: values <= _SMALL}
    ids = [sample.id for sample in run.data.split.test]
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(PictureWriter(run.work / name, view, ids, cache.shapes))
            for name, is_wanted in wanted.items()
            if is_wanted
        }
        adding = {name: writer.add for name, writer in writers.items()}
        return _score_part(run, detector, caches, "test", adding.get(MAPS), adding.get(REDRAWN))


def _score_part(
    run: Run,
    detector: Detector[Any],
    caches: Mapping[str, ImageCache],
    part: str,
    keep_map: KeepMap | None = None,
    keep_redrawn: KeepRedrawn | None = None,
) -> Answers:
    with run.reporter.stage(f"score {part}", len(caches[part])) as progress:

        def advance(done: int) -> None:
            progress.update(done)
            run.stop.check()

        view = View.parse(run.spec.view)
        return score_images(detector, view, caches[part], run.device, advance, keep_map, keep_redrawn)


def _measure_maps(run: Run, scored: _Scored) -> Measurement | None:
    test, dataset = run.data.split.test, run.data.dataset
    maps = StoredPictures.open(run.work / MAPS)
    if maps is None or not has_annotations(test):
        return None
    with run.timed("metrics"), run.reporter.stage("metrics", maps_to_read(test)) as progress:
        return measure_pixels(
            test, maps.__getitem__, dataset.kinds_are_averaged, scored.pixel_threshold, progress, run.stop.check
        )


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
    images = len(run.data.split.train) if View.parse(spec.view).stride is None else None
    return registry.changed_settings(spec.method, spec.preset, spec.params, images)


def _store(
    run: Run,
    record: Record,
    detector: Detector[Any],
    caches: Mapping[str, ImageCache],
    scored: _Scored,
    measurement: Measurement | None,
) -> Record:
    from bench.health import draw_health

    split, view = run.data.split, View.parse(run.spec.view)
    with run.store.drafting(run.spec.key) as draft:
        artifacts.write_split(draft, split)
        artifacts.write_scores(draft, split, {part: answers.columns for part, answers in scored.parts().items()})
        artifacts.write_codes(draft, scored.test.codes)
        artifacts.write_training(draft, _training_rows(run))
        artifacts.write_measurement(draft, split.test, measurement)
        weights = detector.weights()
        if weights:
            save_weights(draft / "weights.safetensors", weights)
        for kept in (MAPS, REDRAWN):
            if (run.work / kept / "index.json").is_file():
                (run.work / kept).rename(draft / kept)
        draw_health(draft, detector, view, caches["test"], split.test, scored.test.columns[SCORE], run.device)
        stored = run.store.write(record, draft)
    _clear(run.work)
    return stored


def _record_failure(run: Run, error: BaseException) -> Record:
    status, reason = _what_happened(error)
    earlier = run.store.find_intact(run.spec)
    if earlier and earlier.status == "done":  # repeated with --force: a result must not be lost to a failure
        return _record(run, status, f"{reason} (the earlier result is kept)").at(earlier.folder)
    with run.store.drafting(run.spec.key) as draft:
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


if __name__ == "__main__":
    from bench.job_process import main

    main()
