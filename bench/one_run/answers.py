"""What the detector says of validation and test images, and what its maps are worth."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.contracts import Detector
from bench.images import ImageCache
from bench.judging.evaluation import evaluate
from bench.judging.pixel_evaluation import PIXEL_QUANTILE, HighestPixels, has_annotations, maps_to_read, measure_pixels
from bench.judging.scoring import TILES_PER_BATCH, Answers, KeepMap, KeepRedrawn, score_images
from bench.metrics.pixel_results import Measurement
from bench.one_run.state import Run
from bench.records.pictures import MAPS, REDRAWN, PictureWriter, StoredPictures
from bench.records.record import Columns, Metrics
from bench.views import View

_SMALL = 256 * 2**20  # bytes


@dataclass(frozen=True)
class Scored:
    """What the detector said of each image, and the pixel threshold that its validation maps set."""

    val: Answers
    test: Answers
    pixel_threshold: float | None

    @property
    def columns(self) -> dict[str, Columns]:
        """Every score of every image, by part."""
        return {"val": self.val.columns, "test": self.test.columns}


def score(run: Run, detector: Detector[Any], caches: Mapping[str, ImageCache]) -> Scored:
    """Ask the detector of every image that it was not trained on; its maps are kept in the run's working folder."""
    with run.timed("score"):
        val, threshold = _score_validation(run, detector, caches)
        scored = Scored(val, _score_test(run, detector, caches), threshold)
    tiles = min(scored.val.tiles_per_batch, scored.test.tiles_per_batch)
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


def measure(run: Run, scored: Scored) -> tuple[Metrics, Measurement | None]:
    """Every metric of the run, and what was found of each defect and image where maps can be measured."""
    split, columns = run.data.split, scored.columns
    metrics = evaluate(split.test, columns["test"], columns["val"], run.data.dataset.kinds_are_averaged)
    measurement = _measure_maps(run, scored)
    return metrics.model_copy(update={"pixel": measurement.metrics}) if measurement else metrics, measurement


def _measure_maps(run: Run, scored: Scored) -> Measurement | None:
    test, dataset = run.data.split.test, run.data.dataset
    maps = StoredPictures.open(run.work / MAPS)
    if maps is None or not has_annotations(test):
        return None
    with run.timed("metrics"), run.reporter.stage("metrics", maps_to_read(test)) as progress:
        return measure_pixels(
            test, maps.__getitem__, dataset.kinds_are_averaged, scored.pixel_threshold, progress, run.stop.check
        )
