"""What a study of thousands of runs costs before and after them: listing the store, planning, leaderboards.

    python benchmarks/scale.py                                          # 50 methods, 20 data sets, 5 seeds; minutes
    python benchmarks/scale.py --methods 4 --datasets 3 --seeds 2       # a smoke test
    python benchmarks/scale.py --keep DIR                               # made-up records stay in DIR for the next time

Every figure is of a process of its own, imports included: seconds on the clock, seconds of the processor, and the most
memory it held. The best of ``--repeats`` is printed, as other work on the machine only ever adds to it; processor
seconds feel it less. The records are made up (``made_up_study.py``), their number and size are not.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from made_up_study import MadeUpStudy

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
LISTING = (
    "import sys, pathlib; from bench.records.store import RecordStore; RecordStore(pathlib.Path(sys.argv[1])).records()"
)


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    wall: float
    processor: float
    peak_mb: float


def main() -> None:
    options = _options()
    with nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        study = MadeUpStudy(Path(folder), options.methods, options.datasets, options.seeds, options.images)
        if not study.results.is_dir():
            print(f"writing {study.runs} records …", flush=True)
            _write(study)
        _print_size(study)
        for name, arguments in _tasks(study):
            cost = min((_cost(arguments) for _ in range(options.repeats)), key=lambda cost: cost.wall)
            print(f"{name:<52} {cost.wall:6.2f} s {cost.processor:6.2f} s {cost.peak_mb:6.0f} MB", flush=True)
    print(_machine())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cost of listing, planning and ranking thousands of runs.")
    parser.add_argument("--methods", type=int, default=50)
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--images", type=int, default=200, help="test images of each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the made-up records, which then stay")
    return parser.parse_args()


def _write(study: MadeUpStudy) -> None:
    sizes = (study.methods, study.datasets, study.seeds, study.images)
    script = str(Path(__file__).with_name("made_up_records.py"))
    subprocess.run([sys.executable, script, str(study.folder), *map(str, sizes)], check=True, env=ENVIRONMENT)


def _tasks(study: MadeUpStudy) -> list[tuple[str, list[str]]]:
    """What is measured, and the command that does it."""
    all_runs = ["--method", ",".join(study.method_names()), "--dataset", ",".join(study.dataset_names())]
    seeds, more_seeds = (",".join(map(str, range(n))) for n in (study.seeds, study.seeds + 1))
    where = ["--results", str(study.results), "--plugins", str(study.plugins)]
    plan = [*_bench("run"), *all_runs, *where, "--preset", "standard", "--dry-run", "--json", "--seeds"]
    board = [*_bench("leaderboard"), *where]
    first = study.dataset_names()[0]
    return [
        ("imports of bench run alone", [*_bench("run"), *where, "--method", study.method_names()[0], "--preset",
            "standard", "--dataset", first, "--dry-run"]),
        ("listing the store", [sys.executable, "-c", LISTING, str(study.results)]),
        ("plan, everything done", [*plan, seeds]),
        ("plan, one seed more", [*plan, more_seeds]),
        ("plan, everything stale", [*plan, seeds, "--set", "width=32"]),
        (f"bench leaderboard --dataset {first}", [*board, "--dataset", first]),
        ("bench leaderboard --all", [*board, "--all", "--out", str(study.folder / "boards")]),
    ]  # fmt: skip


def _bench(command: str) -> list[str]:
    return [sys.executable, "-m", "bench", command]


def _cost(command: Sequence[str]) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stderr
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command)[:200]} failed:\n{said}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _print_size(study: MadeUpStudy) -> None:
    files = [file for file in study.results.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    record = next(file for file in files if file.name == "record.json")
    print(
        f"{study.runs} runs: {len(files)} files, {size / 1e6:.0f} MB; a record.json has {record.stat().st_size} bytes"
        f"; {study.images} test images each; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    print(f"{'':<52} {'wall':>8} {'processor':>8} {'peak':>8}")


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


if __name__ == "__main__":
    main()
