"""Timings made by hand."""

from __future__ import annotations

from bench.spec import RunSpec
from bench.timing.record import Conditions, Latency, Measured, Memory, TimedLoop, Timing

SPEC = RunSpec("alpha", "toy", None, "quick", "resize:32", 0)


def latency(seconds, bounded=False):
    return Latency(
        median=seconds, p90=2 * seconds, p99=3 * seconds, calls=50, warm_up_calls=10, is_bounded=bounded
    )  # fmt: skip


def measured(seconds=0.002, contended=False, bounded=False):
    """One process; ``seconds`` for a score of one tile."""
    return Measured(
        pid=1, position=0, latency={"answer": latency(seconds, bounded), "from_file": latency(2 * seconds)},
        tiles_per_second={"answer": {64: 1 / seconds}}, best_batch={"answer": 64}, tiles_per_image=1.0,
        loops=[TimedLoop(name="GAN", steps=100, timed_steps=10, seconds_per_step=0.5, images_per_step=32,
                         updates_per_step=3, operations_per_step=1e9)],
        fit_seconds=4.0, seen_images=416, updates=39, parameters=1234, state_bytes=5_000_000,
        operations={"answer": 42.1e6}, memory=Memory(process=900_000_000, allocated=None, reserved=None),
        joules_per_tile=None, matrix_rate=1e10,
        conditions=Conditions(others=0.2 if contended else 0.0, gpu_processes=None, is_contended=contended,
                              flags={"threads": 1}, gpu_before={}, gpu_after={}),
    )  # fmt: skip


def timing(*processes, spec=SPEC, device="a processor", finished="2026-01-01", failed=None):
    return Timing(
        key=f"{spec.method}-{device}"[:16], spec=spec, synthetic=True, subset=False, device="cpu", device_name=device,
        batches=[1, 64, 0], order_seed=0, repeats=len(processes), measured=list(processes), failed=failed,
        protocol={}, provenance={"packages": {"torch": "2"}}, finished=finished,
    )  # fmt: skip
