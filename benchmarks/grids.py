"""What a process for each run costs, and what two workers save.

    python benchmarks/grids.py                     # minutes
    python benchmarks/grids.py --runs 2 --equal 2  # a smoke test

* Overhead: so many runs of the trivial baseline, once in one process (``--executor serial``) and once with a process
  each (``--workers 1``). The difference by run is what a process costs; imports of what a run needs are timed alone and
  taken off, as a single run pays them too.
* Workers: equal runs of ``pca``, one worker against two. Every run computes with one thread, so that one worker does
  not use the other's core.

The load of the machine before each part is printed: on a busy machine wall times say little. The overhead is therefore
given in processor seconds too, which other programs hardly change.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

IMPORTS = (  # what a run of intensity has imported at its end
    "import bench.worker, bench.one_run.perform, bench.judging.health, "
    "pandas, pyarrow.parquet, scipy.ndimage, matplotlib.figure"
)
SMALL = ("train_scans=16", "val_scans=8", "test_normal=8", "test_anomalous=8")  # what is timed is not the runs' work
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}

Seconds = tuple[float, float]
"""On the clock, and of the processor."""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        _print_overhead(Path(folder), options.runs)
        _print_speed(Path(folder), options.equal)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cost of a process for each run, and what two workers save.")
    parser.add_argument("--runs", type=int, default=20, help="runs of the trivial baseline")
    parser.add_argument("--equal", type=int, default=8, help="equal runs on one and on two workers")
    return parser.parse_args()


def _print_overhead(folder: Path, runs: int) -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    _seconds(folder / "warm", 1, "intensity", "--executor", "serial")  # decodes the images once
    imports = _timed([sys.executable, "-c", IMPORTS])
    together = _seconds(folder / "serial", runs, "intensity", "--executor", "serial")
    apart = _seconds(folder / "apart", runs, "intensity", "--workers", "1")
    print(f"{runs} runs of intensity in one process, and with a process each:")
    for kind, once, one, many in zip(("wall", "processor"), imports, together, apart, strict=True):
        cost = (many - one) / runs
        print(f"  {kind}: {one:.1f} s, {many:.1f} s; a process costs {cost:.2f} s by run, imports {once:.2f} s of it,")
        print(f"  {cost - once:+.2f} s beyond them")


def _print_speed(folder: Path, runs: int) -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    one, _ = _seconds(folder / "one", runs, "pca", "--workers", "1")
    two, _ = _seconds(folder / "two", runs, "pca", "--workers", "2")
    print(f"{runs} equal runs: {one:.1f} s on one worker, {two:.1f} s on two, ratio {two / one:.2f}")


def _seconds(results: Path, runs: int, method: str, *more: str) -> Seconds:
    seeds = ",".join(map(str, range(runs)))
    command = [
        sys.executable,
        "-m",
        "bench",
        "run",
        "--method",
        method,
        "--dataset",
        "oct-phantom",
        "--preset",
        "quick",
    ]
    command += [part for setting in SMALL for part in ("--set", setting)]
    return _timed([*command, "--device", "cpu", "--seeds", seeds, "--results", str(results), "--json", *more])


def _timed(command: Sequence[str]) -> Seconds:
    start, before = time.perf_counter(), _processor_seconds()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - start, _processor_seconds() - before


def _processor_seconds() -> float:
    """Of all processes that this one started and that ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
