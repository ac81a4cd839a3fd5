"""Time several methods: a fresh process for each method and repeat, in shuffled order, one after the other."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from bench.durations import shown
from bench.errors import ConfigError, DataError, InterruptedRunError
from bench.executors.processes import environment, how_it_ended
from bench.grid.planning import PlannedRun
from bench.progress import Reporter
from bench.provenance import hardware, now, provenance, threads
from bench.records.store import RecordStore
from bench.spec import RunSpec
from bench.stopping import StopRequest
from bench.timing import training
from bench.timing.clock import PROTOCOL
from bench.timing.process import AUTO, Task
from bench.timing.record import Measured, Timing, timing_key, write_timing

STOPPED = "stopped by the user"
_ENDS = 3  # lines of what a failed process said
_LOOK_EVERY = 0.5  # seconds, at whether to stop


@dataclass(frozen=True)
class TimingRequest:
    """How to time; what to time is a plan of runs."""

    device: torch.device
    batches: Sequence[int] = (1, 64, AUTO)
    repeats: int = 3
    timeout: float = 1800.0
    """Seconds for each process."""
    order_seed: int = 0
    plugins: Sequence[Path] = ()


@dataclass
class _Method:
    run: PlannedRun
    spec: RunSpec
    measured: list[Measured] = field(default_factory=list)
    failed: str | None = None


def parse_batches(text: str) -> list[int]:
    """``1,64,auto`` as numbers, ``auto`` as ``AUTO``; raises ``ConfigError``."""
    found = []
    for word in filter(None, (each.strip() for each in text.split(","))):
        if word != "auto" and not (word.isdecimal() and int(word) > 0):
            raise ConfigError(f"Expected sizes of batches or auto after --batch, such as 1,64,auto; found '{word}'.")
        found.append(AUTO if word == "auto" else int(word))
    if not found:
        raise ConfigError("Expected at least one size of batch after --batch, such as 1,64,auto.")
    return list(dict.fromkeys(found))


def time_methods(runs: Sequence[PlannedRun], request: TimingRequest, results: Path, progress: Reporter) -> list[Timing]:
    """Time every run of the plan and store what was measured; a method that fails costs its own row."""
    blocked = [run.reason for run in runs if run.state == "blocked"]
    if blocked:
        raise DataError(blocked[0])
    methods = [_Method(run, run.spec) for run in runs if run.spec]
    order = [method for method in methods for _ in range(request.repeats)]
    random.Random(request.order_seed).shuffle(order)
    RecordStore(results).require_writable()
    try:
        with StopRequest().listening() as stop:
            _measure_all(order, request, progress, stop)
    except (InterruptedRunError, KeyboardInterrupt):
        _give_up(methods, request.repeats)
    timings = [_timing(method, request) for method in methods]
    for timing in timings:
        if timing.measured:  # a failure is told; it must not replace figures
            write_timing(results, timing)
    return timings


def exit_status(timings: Sequence[Timing]) -> int:
    """130 after an interruption, 1 where a method could not be timed, else 0."""
    failed = [timing.failed for timing in timings if timing.failed]
    return 130 if STOPPED in failed else int(bool(failed))


def _give_up(methods: Sequence[_Method], repeats: int) -> None:
    for method in methods:
        if len(method.measured) < repeats and not method.failed:
            method.failed = STOPPED


def _measure_all(order: Sequence[_Method], request: TimingRequest, progress: Reporter, stop: StopRequest) -> None:
    """Raises ``InterruptedRunError`` after Ctrl-C, which is heeded between two statements of ours, not amid one."""
    for position, method in enumerate(order):
        stop.check()
        if not method.failed:
            label = f"{method.run.method} on {method.run.dataset}, {method.spec.preset}"
            progress.say(f"[{position + 1}/{len(order)}] {label}")
            _measure(method, request, position, progress, stop)


def _measure(method: _Method, request: TimingRequest, position: int, progress: Reporter, stop: StopRequest) -> None:
    outcome = _in_a_process(method, request, position, stop)
    if isinstance(outcome, Measured):
        method.measured.append(outcome)
    else:
        method.failed = outcome
        progress.say(f"  failed: {outcome}")


def _in_a_process(method: _Method, request: TimingRequest, position: int, stop: StopRequest) -> Measured | str:
    data = method.run.data
    task = Task(
        spec=method.spec,
        data_root=data.root if data else None,
        device=str(request.device),
        batches=list(request.batches),
        plugins=list(request.plugins),
        position=position,
    )
    try:
        status, out, errors = _run(task.model_dump_json(), request.timeout, stop)
    except subprocess.TimeoutExpired:
        return f"took longer than {shown(request.timeout)} (--timeout)"
    if status == 0:
        return Measured.model_validate_json(out.splitlines()[-1])
    said = [line for line in errors.splitlines() if line and not line.startswith("  ")]
    ends = said[-1:] if any(line.startswith("Traceback") for line in said) else said[-_ENDS:]
    return " ".join(ends) or how_it_ended(status)


def _run(task: str, timeout: float, stop: StopRequest) -> tuple[int, str, str]:
    """Status and output of the measuring process, which ends when a stop is asked for or time is over."""
    command, until = [sys.executable, "-m", "bench.timing.process"], time.monotonic() + timeout
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment({})
    ) as process:
        try:
            given: str | None = task
            while True:
                with suppress(subprocess.TimeoutExpired):
                    out, errors = process.communicate(given, timeout=_LOOK_EVERY)
                    stop.check()  # Ctrl-C reaches that process too, and ends it
                    return process.returncode, out, errors
                given = None
                stop.check()
                if time.monotonic() > until:
                    raise subprocess.TimeoutExpired(command, timeout)
        finally:
            process.kill()


def _timing(method: _Method, request: TimingRequest) -> Timing:
    data = method.run.data
    assert data
    name = _device_name(request.device)
    return Timing(
        key=timing_key(method.spec, name, threads()),
        spec=method.spec,
        synthetic=data.dataset.synthetic,
        subset=data.split.is_subset,
        device=str(request.device),
        device_name=name,
        batches=list(request.batches),
        order_seed=request.order_seed,
        repeats=request.repeats,
        measured=method.measured,
        failed=method.failed,
        protocol={**asdict(PROTOCOL), "training": _training_protocol()},
        provenance=provenance(str(request.device)),
        finished=now(),
    )


def _training_protocol() -> dict[str, float]:
    return {
        "warm_up_steps": training.WARM_UP_STEPS,
        "steps": training.STEPS,
        "seconds": training.SECONDS,
        "most_seconds": training.MOST_SECONDS,
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(hardware()["cpu"])
