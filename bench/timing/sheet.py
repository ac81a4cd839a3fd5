"""Timings as words and figures, before any form arranges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from bench.timing.record import Measured, Spread, Timing
from bench.timing.scopes import ANSWER, FROM_FILE, NETWORK

NONE = "–"
Read = Callable[[Measured], float | None]


@dataclass(frozen=True)
class Figure:
    """What is read of each process; ``unit`` is seconds, bytes, a count, a rate or a share."""

    title: str
    unit: str
    read: Read

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


def figures_of(timings: Sequence[Timing]) -> list[Figure]:
    """The columns that at least one of them has."""
    batches = [batch for batch in timings[0].batches if batch > 1]
    wanted = [
        *(Figure(f"{name}, p50", "s", _latency(scope, "median")) for scope, name in _NAMES.items()),
        Figure("score, p90", "s", _latency(ANSWER, "p90")),
        Figure("score, p99", "s", _latency(ANSWER, "p99")),
        *(Figure(f"score at {batch}", "tiles/s", _rate(batch)) for batch in batches),
        Figure("score, best", "tiles/s", _best_rate),
        Figure("best batch", "", lambda m: m.best_batch.get(ANSWER)),
        Figure("training", "s", lambda m: sum(loop.seconds for loop in m.loops) if m.loops else m.fit_seconds),
        Figure("training rate", "tiles/s", _training_rate),
        Figure("parameters", "", lambda m: m.parameters),
        Figure("state, with banks", "B", lambda m: m.state_bytes),
        Figure("operations, score", "FLOP", lambda m: m.operations.get(ANSWER)),
        Figure("training, of matrix rate", "%", _share_of_rate),
        Figure("peak memory, process", "B", lambda m: m.memory.process),
        Figure("peak memory, GPU", "B", lambda m: m.memory.allocated),
        Figure("reserved, GPU", "B", lambda m: m.memory.reserved),
        Figure("energy", "J", lambda m: m.joules_per_tile),
    ]
    return [figure for figure in wanted if any(timing.spread(figure.read) for timing in timings)]


_NAMES = {NETWORK: "networks", ANSWER: "score", FROM_FILE: "from file"}


def _latency(scope: str, quantile: str) -> Read:
    return lambda m: getattr(m.latency[scope], quantile) if scope in m.latency else None


def _rate(batch: int) -> Read:
    return lambda m: m.tiles_per_second.get(ANSWER, {}).get(batch)


def _best_rate(measured: Measured) -> float | None:
    rates, batch = measured.tiles_per_second.get(ANSWER, {}), measured.best_batch.get(ANSWER)
    return rates.get(batch) if batch else None


def _training_rate(measured: Measured) -> float | None:
    seconds = sum(loop.seconds for loop in measured.loops)
    return sum(loop.steps * loop.images_per_step for loop in measured.loops) / seconds if seconds else None


def _share_of_rate(measured: Measured) -> float | None:
    """Of training: operations of all its steps in their time."""
    seconds = sum(loop.seconds for loop in measured.loops)
    done = sum(loop.steps * loop.operations_per_step for loop in measured.loops)
    return done / seconds / measured.matrix_rate if seconds else None


def figure_text(spread: Spread | None, figure: Figure) -> str:
    """Three significant digits and the farthest process from the median: ``12.3 ms ±4 %``."""
    if spread is None:
        return NONE
    off = max(spread.high - spread.median, spread.median - spread.low)
    share = off / spread.median if spread.median else 0.0
    return quantity(spread.median, figure.unit) + (f" ±{100 * share:.0f} %" if share >= 0.005 else "")


def quantity(value: float, unit: str) -> str:
    """``0.0123 s`` as ``12.3 ms``, ``2.5e9 FLOP`` as ``2.50 GFLOP``, a share as per cent."""
    if unit == "%":
        return f"{100 * value:.0f} %"
    if unit == "" and value < 10_000:
        return f"{value:,.0f}"
    if unit == "tiles/s":
        return f"{_digits(value)} /s"
    power = 0 if value == 0 else max(_SMALLEST.get(unit, 0), min(4, floor(log10(abs(value)) / 3)))
    power = min(power, 0) if unit == "s" else power
    return f"{_digits(value / 1000.0**power)} {_PREFIXES[power]}{unit}".rstrip()


_PREFIXES = {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T"}
_SMALLEST = {"s": -3, "J": -2}


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.{max(0, 2 - floor(log10(abs(value))))}f}"


def notes(timings: Sequence[Timing]) -> list[tuple[str, str]]:
    """What must be known to read the figures."""
    first = timings[0]
    found = [
        ("machine", f"{first.device_name}, {_threads(timings)}, torch {first.provenance['packages']['torch']}"),
        ("figures", _processes(timings)),
        ("p50 …", "a tile at a time: networks alone; with map and score; from the file: an image. Rates count tiles"),
        ("training", "steps x seconds per step, from windows of each loop; what is trained outside of loops, whole"),
    ]
    if any(timing.is_contended for timing in timings):
        found.append(("contended", "other processes took more than 5 % of the processor, or used the GPU"))
    if any(timing.is_bounded for timing in timings):
        slow = [timing.spec.method for timing in timings if timing.is_bounded]
        found.append(("bounded", f"{', '.join(slow)}: fewer than 50 calls or 2 s, for calls are slow; see the record"))
    return found + [("no result", f"{timing.spec.method}: {timing.failed}") for timing in timings if timing.failed]


def _processes(timings: Sequence[Timing]) -> str:
    counts = sorted({len(timing.measured) for timing in timings if timing.measured} or {0})
    if counts == [1]:
        return "of one fresh process of each method, so that nothing is known of how processes differ"
    several = " or ".join(map(str, counts))
    return f"medians of {several} fresh processes of each method in shuffled order; ±: the farthest of them"


def _threads(timings: Sequence[Timing]) -> str:
    found = sorted({m.conditions.flags["threads"] for timing in timings for m in timing.measured})
    return " or ".join(f"{n} thread{'s' * (n != 1)}" for n in found) or "nothing measured"


def heading(timings: Sequence[Timing]) -> str:
    """``oct-phantom, patches:64/32, cpu (quick, synthetic)``."""
    first = timings[0]
    marks = dict.fromkeys([first.spec.preset, *(mark for timing in timings for mark in timing.marks())])
    return f"{first.spec.dataset_label}, {first.spec.view}, {first.device} ({', '.join(marks)})"
