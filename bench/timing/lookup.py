"""Which timing belongs to a run, for figures that hold speed against accuracy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.errors import ConfigError
from bench.records.record import Record
from bench.spec import digest
from bench.timing.record import Measured, Timing, read_timings
from bench.timing.scopes import ANSWER

COSTS: Mapping[str, Callable[[Measured], float | None]] = {
    "score": lambda m: m.latency[ANSWER].median * m.tiles_per_image if ANSWER in m.latency else None,
    "fit": lambda m: sum(loop.seconds for loop in m.loops) if m.loops else m.fit_seconds,
}
"""Seconds of one image, scored one at a time, and of a whole training."""


def results_of(record: Record) -> Path:
    """The results folder that a record lies in."""
    return record.folder.parents[3]


def boards(results: Path, dataset: str | None = None, preset: str | None = None) -> list[list[Timing]]:
    """Timings that may stand side by side: one data set, view, preset, precision and device.

    Of a method under the same parameters the newest.

    Of all data sets and presets unless one is named. Raises ``ConfigError`` where nothing was timed.
    """
    groups: dict[tuple[str, ...], dict[str, Timing]] = {}
    for timing in sorted(read_timings(results, dataset), key=lambda timing: timing.finished):
        spec = timing.spec
        if preset not in (None, spec.preset):
            continue
        terms = (spec.dataset_label, spec.view, spec.preset, spec.precision, timing.device_name)
        groups.setdefault(terms, {})[digest({spec.method: dict(spec.params)})] = timing
    if not groups:
        of = (f" of {dataset}" if dataset else "") + (f" under preset {preset}" if preset else "")
        raise ConfigError(f"No timing{of} below {results}. Try: bench time --method NAME --dataset NAME.")
    return [sorted(group.values(), key=_seconds_of_a_score) for group in groups.values()]


def _seconds_of_a_score(timing: Timing) -> float:
    spread = timing.spread(COSTS["score"])
    return spread.median if spread else float("inf")


def timings_for(records: Mapping[str, Record]) -> dict[str, Timing] | None:
    """A timing of each run's method, preset, view and parameters, by the run's name, all on one device; else ``None``.

    Of several devices that have all of them, the one timed last.
    """
    first = next(iter(records.values()))
    by_device: dict[str, dict[str, Timing]] = {}
    for timing in sorted(read_timings(results_of(first), first.spec.dataset_label), key=lambda timing: timing.finished):
        for name, record in records.items():
            if not timing.failed and _is_same_work(timing, record):
                by_device.setdefault(timing.device_name, {})[name] = timing
    complete = [found for found in by_device.values() if found.keys() == records.keys()]
    return max(complete, key=lambda found: max(t.finished for t in found.values()), default=None)


def _is_same_work(timing: Timing, record: Record) -> bool:
    ours, theirs = timing.spec, record.spec
    return (ours.method, ours.preset, ours.view, ours.precision, ours.params) == (
        theirs.method, theirs.preset, theirs.view, theirs.precision, theirs.params
    )  # fmt: skip
