"""What one timing leaves behind, as ``timing.json``: every process's figures as measured, medians made when read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import StoreError
from bench.precision import FLOAT32
from bench.records.record import MARKED_PRESETS
from bench.spec import RunSpec, digest
from bench.writing import replace_file

TIMING_SCHEMA: Literal[1] = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(_Frozen):
    """Seconds of one call, and how they were come by."""

    median: float
    p90: float
    p99: float
    calls: int
    warm_up_calls: int
    is_bounded: bool
    """Measured for fewer calls than the protocol asks for, because they are slow."""


class TimedLoop(_Frozen):
    """A window of one training loop."""

    name: str
    steps: int
    """That a whole training does."""
    timed_steps: int
    seconds_per_step: float
    images_per_step: float
    """Drawn from the training set."""
    updates_per_step: float
    """Steps of optimisers."""
    operations_per_step: float

    @property
    def seconds(self) -> float:
        """Of the whole loop, were it done."""
        return self.steps * self.seconds_per_step


class Memory(_Frozen):
    """Peaks in bytes: of the process, and of what torch allocated and reserved on a GPU."""

    process: int
    allocated: int | None
    reserved: int | None


class Conditions(_Frozen):
    """What went on around the measurement; see ``bench.timing.surroundings``."""

    others: float | None
    gpu_processes: int | None
    is_contended: bool
    flags: dict[str, Any]
    gpu_before: dict[str, Any]
    gpu_after: dict[str, Any]


class Measured(_Frozen):
    """What one process measured."""

    pid: int
    position: int
    """In the shuffled order of all processes."""
    latency: dict[str, Latency]
    """Scope -> one tile, or from the file one image."""
    tiles_per_second: dict[str, dict[int, float]]
    """Scope -> size of batch -> rate."""
    best_batch: dict[str, int]
    tiles_per_image: float
    loops: list[TimedLoop]
    fit_seconds: float
    """Of the training as it was cut for timing."""
    seen_images: int
    updates: int
    parameters: int
    state_bytes: int
    operations: dict[str, float]
    """Scope -> floating point operations of one tile."""
    memory: Memory
    joules_per_tile: float | None
    matrix_rate: float
    """Operations per second in a product of matrices."""
    conditions: Conditions


class Spread(_Frozen):
    """Median over processes, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median=median(values), low=min(values), high=max(values))


class Timing(_Frozen):
    """One method's timing on one data set's images, on one device."""

    timing_schema: Literal[1] = TIMING_SCHEMA
    key: str
    spec: RunSpec
    synthetic: bool
    subset: bool
    device: str
    device_name: str
    batches: list[int]
    order_seed: int
    repeats: int
    measured: list[Measured]
    failed: str | None
    """Why there are no figures, or fewer than asked for."""
    protocol: dict[str, Any]
    provenance: dict[str, Any]
    finished: str

    @property
    def settings(self) -> None:
        """Not stated: rows of one method are told apart by what differs between them."""

    def spread(self, read: Callable[[Measured], float | None]) -> Spread | None:
        """Of a figure over the processes; ``None`` where one has none."""
        values = [read(each) for each in self.measured]
        known = [value for value in values if value is not None]
        return Spread.of(known) if known and len(known) == len(values) else None

    @property
    def is_contended(self) -> bool:
        return any(each.conditions.is_contended for each in self.measured)

    @property
    def is_bounded(self) -> bool:
        return any(latency.is_bounded for each in self.measured for latency in each.latency.values())

    def marks(self) -> list[str]:
        """Words that must stand wherever a figure of this timing is shown."""
        marks = [self.spec.preset] if self.spec.preset in MARKED_PRESETS else []
        marks += [self.spec.precision] if self.spec.precision != FLOAT32 else []
        return marks + ["synthetic"] * self.synthetic + ["subset"] * self.subset + ["contended"] * self.is_contended


def timing_key(spec: RunSpec, device_name: str, threads: int) -> str:
    """The same method, data, settings, code and machine: the same timing, done again."""
    return digest({"run": spec.key, "device": device_name, "threads": threads})


def timing_file(results: Path, timing: Timing) -> Path:
    spec = timing.spec
    dataset = spec.dataset_label.replace(":", "-")
    return results / "timings" / dataset / spec.method.replace(":", "-") / timing.key / "timing.json"


def write_timing(results: Path, timing: Timing) -> Path:
    """Store it and return its file; an older one of the same key is replaced, unless more processes measured that."""
    file = timing_file(results, timing)
    if file.is_file() and len(_read(file).measured) > len(timing.measured):
        return file
    with replace_file(file) as temporary:
        temporary.write_text(timing.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return file


def read_timings(results: Path, dataset: str | None = None) -> Iterator[Timing]:
    """All timings of a results folder, or of one data set; raises ``StoreError`` naming a file that cannot be read."""
    folder = dataset.replace(":", "-") if dataset else "*"
    for file in sorted(results.glob(f"timings/{folder}/*/*/timing.json")):
        yield _read(file)


def _read(file: Path) -> Timing:
    try:
        return Timing.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise StoreError(f"{file} cannot be read as a timing ({error}). Remove it and time again.") from error
