"""Anomaly maps that another program made, under the same referee: measured, tabulated, and recorded if asked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import registry
from bench.contracts import Sample
from bench.data.opening import OpenedDataset
from bench.errors import ConfigError
from bench.files import text_digest
from bench.judging.evaluation import evaluate
from bench.judging.pixel_evaluation import has_annotations, maps_to_read, measure_pixels, measured_ids
from bench.metrics.passes import in_parallel
from bench.metrics.pixel_results import Measurement
from bench.progress import Reporter
from bench.provenance import now, provenance
from bench.records import artifacts
from bench.records.leftovers import sweep
from bench.records.map_files import MapFiles
from bench.records.record import OWN_MAPS, SCORE, Counts, Metrics, Record, facts_of
from bench.records.score_files import read_scores
from bench.records.store import RecordStore
from bench.spec import RunSpec, referee_code

NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
UNNAMED = "own-maps"


@dataclass(frozen=True)
class OwnMaps:
    """The record of somebody's own maps, and the rows behind it."""

    record: Record
    data: OpenedDataset
    scores: NDArray[np.float64]
    measurement: Measurement | None

    def save(self, store: RecordStore) -> Record:
        """Put the record into the store, where leaderboards find it beside our runs.

        Raises ``StoreError`` where it cannot be written, and ``ClaimedError`` while another process saves the same.
        """
        store.require_writable()
        split, record = self.data.split, self.record
        with store.writing(), store.claims.hold(store.claim_of(record.spec)):
            sweep(store, record.key, is_done=False)
            with store.drafting(record.key) as draft:
                artifacts.write_split(draft, split)
                artifacts.write_scores(draft, split, {"test": {SCORE: self.scores}})
                artifacts.write_measurement(draft, measured_ids(split.test), self.measurement)
                return store.write(record, draft)


def measure_own_maps(
    data: OpenedDataset, maps: Path, scores_file: Path | None, name: str | None, reporter: Reporter
) -> OwnMaps:
    """Check every map, then measure; the image score is the highest of the map unless a file of scores is given.

    Raises ``ConfigError`` on a name that is taken, and ``DataError`` listing every map that is missing, surplus, of
    another size than its image, or not finite.
    """
    method = _checked(name)
    started, start = now(), time.monotonic()
    files = MapFiles.find(maps, data.category, data.split.test)
    scores = _image_scores(data, files, scores_file, reporter)
    metrics, measurement = _measure(data, files, scores, reporter)
    spec = _spec(method, data, files, scores_file)
    record = Record(
        key=spec.key,
        spec=spec,
        status="done",
        synthetic=data.dataset.synthetic,
        protocol_name=data.split.protocol,
        settings={},
        facts=facts_of(data.split) | {"image_score": "given" if scores_file else "highest of the map"},
        counts=Counts.of(data.split),
        metrics=metrics,
        seconds={"metrics": round(time.monotonic() - start, 3)},
        provenance=provenance("cpu") | _origin(data, maps),
        started=started,
        finished=now(),
    )
    return OwnMaps(record, data, scores, measurement)


def _origin(data: OpenedDataset, maps: Path) -> dict[str, Any]:
    return {"data_root": str(data.root) if data.root else None, "maps": str(maps.resolve())}


def _checked(name: str | None) -> str:
    if name is None:
        return UNNAMED
    if not NAME.fullmatch(name):
        raise ConfigError(f"Expected a name of small letters, digits, dots and dashes after --save, found '{name}'.")
    if name in registry.entries("method"):
        raise ConfigError(f"'{name}' is a method of ours: two different things under one name. Choose another.")
    return name


def _image_scores(
    data: OpenedDataset, files: MapFiles, scores_file: Path | None, reporter: Reporter
) -> NDArray[np.float64]:
    """Scores of each test image, after every map was checked against its image."""
    test = data.split.test
    given = read_scores(scores_file, test, data.category) if scores_file else None
    with reporter.stage("images", len(test)) as progress:
        shapes = _native_shapes(test, progress.update)
    with reporter.stage("maps", len(test)) as progress:
        files.check(shapes, progress.update)
    return given if given is not None else np.array([files.read(i).max() for i in range(len(test))], dtype=np.float64)


def _native_shapes(test: Sequence[Sample], advance: Callable[[int], None]) -> list[tuple[int, int]]:
    shapes = []
    for shape in in_parallel(_native_shape, test):
        shapes.append(shape)
        advance(len(shapes))
    return shapes


def _native_shape(sample: Sample) -> tuple[int, int]:
    height, width = sample.read().shape[:2]
    return height, width


def _measure(
    data: OpenedDataset, files: MapFiles, scores: NDArray[np.float64], reporter: Reporter
) -> tuple[Metrics, Measurement | None]:
    test, average = data.split.test, data.dataset.kinds_are_averaged
    metrics = evaluate(test, {SCORE: scores}, None, average)
    if not has_annotations(test):
        return metrics, None
    with reporter.stage("metrics", maps_to_read(test)) as progress:
        measurement = measure_pixels(test, files.read, average, None, progress)
    return metrics.model_copy(update={"pixel": measurement.metrics}), measurement


def _spec(method: str, data: OpenedDataset, files: MapFiles, scores_file: Path | None) -> RunSpec:
    scores = scores_file.read_text(encoding="utf-8") if scores_file else None
    return RunSpec(
        method=method,
        dataset=data.name,
        category=data.category,
        preset=OWN_MAPS,
        view="native",
        seed=0,
        params={"maps": files.digest(), "scores": scores and text_digest(scores)},
        dataset_params=data.dataset.params.model_dump(mode="json"),
        data=data.fingerprint,
        dataset_code=registry.source_digest(registry.find("dataset", data.name).file),
        referee_code=referee_code(),
    )
