"""``python -m bench.timing.process``: time one method in this fresh process, as a task on standard input says.

Prints what was measured as one line of JSON on standard output; its last line, whatever libraries print before.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

import bench.plugins
from bench.data.opening import open_dataset
from bench.errors import BenchError
from bench.precision import computing_in
from bench.spec import RunSpec
from bench.timing import clock
from bench.timing.clock import PROTOCOL, Bounds, Calls, measure
from bench.timing.operations import matrix_rate, operations_of
from bench.timing.record import Conditions, Latency, Measured, Memory
from bench.timing.scopes import ANSWER, NETWORK, SCOPES
from bench.timing.subject import Subject, prepare
from bench.timing.surroundings import flags, joules, watching

AUTO = 0
"""Among the batches: search for the best."""
_LARGEST = 4096
_GAIN = 1.02
"""A larger batch must be so much faster to go on."""


class Task(BaseModel):
    """What to time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    data_root: Path | None
    device: str
    batches: list[int]
    plugins: list[Path]
    position: int


def main() -> None:
    """Read the task, measure, print."""
    task = Task.model_validate_json(sys.stdin.read())
    for folder in task.plugins:
        bench.plugins.add_folder(folder)
    try:
        print(perform(task).model_dump_json())
    except BenchError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def perform(task: Task) -> Measured:
    """Everything that the protocol asks for, of one method."""
    spec, device = task.spec, torch.device(task.device)
    data = open_dataset(spec.dataset, spec.category, dict(spec.dataset_params), task.data_root)
    torch.manual_seed(spec.seed)
    with computing_in(spec.precision, device), watching(device) as watched:
        rate = matrix_rate(device)
        if device.type == "cuda":  # its matrices are not the method's
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
        subject = prepare(spec, data, device)
        latency = {scope: _latency(found) for scope, found in _by_scope(subject)}
        rates, best = _throughput(subject, task.batches, latency)
        energy = _joules_per_tile(subject, best.get(ANSWER, 1))
        operations = {s: operations_of(w) for s in (NETWORK, ANSWER) if (w := subject.work(s, 1))}
        set_flags = flags(device)
    return Measured(
        pid=os.getpid(),
        position=task.position,
        latency=latency,
        tiles_per_second=rates,
        best_batch=best,
        tiles_per_image=subject.tiles_per_image,
        loops=list(subject.loops),
        fit_seconds=subject.fit_seconds,
        seen_images=subject.seen.images,
        updates=subject.seen.updates,
        parameters=subject.parameters(),
        state_bytes=subject.state_bytes(),
        operations=operations,
        memory=_memory(device),
        joules_per_tile=energy,
        matrix_rate=rate,
        conditions=Conditions(is_contended=watched.is_contended, flags=set_flags, **vars(watched)),
    )


def _by_scope(subject: Subject) -> Iterator[tuple[str, Calls]]:
    for scope in SCOPES:
        if work := subject.work(scope, 1):
            yield scope, measure(work, subject.device)


def _latency(calls: Calls) -> Latency:
    middle, p90, p99 = (calls.quantile(q) for q in (0.5, 0.9, 0.99))
    n = len(calls.seconds)
    return Latency(
        median=middle, p90=p90, p99=p99, calls=n, warm_up_calls=calls.warm_up_calls, is_bounded=calls.is_bounded
    )


def _throughput(
    subject: Subject, batches: list[int], latency: Mapping[str, Latency]
) -> tuple[dict[str, dict[int, float]], dict[str, int]]:
    """Rates of each scope at the stated batches, and the best batch found, of networks, maps and scores.

    A tile at a time was measured for ``latency``, in the same way.
    """
    rates: dict[str, dict[int, float]] = {scope: {} for scope in (NETWORK, ANSWER) if scope in latency}
    best = {}
    for batch in filter(None, batches):
        for scope in rates:
            _add_rate(rates[scope], subject, scope, batch, latency)
    if AUTO in batches:
        best[ANSWER] = best_batch(subject, rates[ANSWER])
        _add_rate(rates[ANSWER], subject, ANSWER, best[ANSWER], latency)
    return rates, best


def _add_rate(
    found: dict[int, float], subject: Subject, scope: str, batch: int, latency: Mapping[str, Latency]
) -> None:
    if batch == 1:
        found[1] = 1 / latency[scope].median
    elif batch not in found:
        with suppress(torch.OutOfMemoryError):  # costs this figure, not the method
            found[batch] = _rate(subject, scope, batch, PROTOCOL)


def best_batch(subject: Subject, stated: Mapping[int, float]) -> int:
    """By doubling the best of the stated batches, whose rates are known, while it pays and memory lasts; or halving."""
    start = max(stated, key=stated.__getitem__, default=1)
    rate = stated.get(start) or _rate(subject, ANSWER, start, _GLANCE)
    doubled = _climbed(subject, start, rate, lambda batch: batch * 2)
    return doubled if doubled > start else _climbed(subject, start, rate, lambda batch: batch // 2)


def _climbed(subject: Subject, best: int, rate: float, to_next: Callable[[int], int]) -> int:
    while 1 <= (batch := to_next(best)) <= _LARGEST:
        try:
            found = _rate(subject, ANSWER, batch, _GLANCE)
        except torch.OutOfMemoryError:
            break
        if found < rate * _GAIN:
            break
        best, rate = batch, found
    return best


_GLANCE = Bounds(warm_up_calls=1, warm_up_seconds=0.0, calls=2, seconds=0.1, most_seconds=1.0)


def _rate(subject: Subject, scope: str, batch: int, bounds: Bounds) -> float:
    work = subject.work(scope, batch)
    assert work
    return batch / measure(work, subject.device, bounds).quantile(0.5)


def _joules_per_tile(subject: Subject, batch: int) -> float | None:
    before = joules(subject.device)
    if before is None:
        return None
    work = subject.work(ANSWER, batch)
    assert work
    calls = measure(work, subject.device)
    clock.wait(subject.device)
    after = joules(subject.device)
    done = len(calls.seconds) + calls.warm_up_calls
    return None if after is None else (after - before) / (done * batch)


def _memory(device: torch.device) -> Memory:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    on_gpu: dict[str, Any] = {"allocated": None, "reserved": None}
    if device.type == "cuda":
        on_gpu = {
            "allocated": torch.cuda.max_memory_allocated(device),
            "reserved": torch.cuda.max_memory_reserved(device),
        }
    return Memory(process=kilobytes * (1 if sys.platform == "darwin" else 1024), **on_gpu)


if __name__ == "__main__":
    main()
