"""How long a user waits for the first word: whole commands against an empty Python process, measured in turn.

    python benchmarks/startup.py

Prints the median of each command and its ratio to `python -c pass`. The recorded run is done once before timing.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time

REPEATS = 7


def main() -> None:
    """Time every command in turn, `REPEATS` times over, so that drift of the machine hits all alike."""
    with tempfile.TemporaryDirectory() as results:
        bench = [sys.executable, "-m", "bench"]
        recorded = [*bench, "run", "--method", "intensity", "--dataset", "oct-phantom", "--preset", "quick"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "bench --help": [*bench, "--help"],
            "bench list methods": [*bench, "list", "methods"],
            "import torch": [sys.executable, "-c", "import torch"],
            "bench run (recorded)": [*recorded, "--results", results],
        }
        subprocess.run(commands["bench run (recorded)"], check=True, capture_output=True)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(REPEATS):
            for name, command in commands.items():
                times[name].append(_seconds(command))
    _report({name: statistics.median(values) for name, values in times.items()})


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _report(medians: dict[str, float]) -> None:
    empty = medians["python -c pass"]
    print(f"Python {platform.python_version()}, {platform.machine()}, median of {REPEATS}")
    for name, seconds in medians.items():
        print(f"{name:<22} {seconds:6.3f} s  {seconds / empty:6.1f} x")


if __name__ == "__main__":
    main()
