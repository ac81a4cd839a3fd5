"""Accuracy against time, with the Pareto front: the methods that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from bench.boards.measures import TIMES
from bench.errors import ConfigError
from bench.plots.canvas import canvas, marker_entry
from bench.plots.curves import interval_text, looks_of, spread_text
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, plain_log, styled
from bench.records.saved import SavedRun
from bench.timing.lookup import COSTS, timings_for
from bench.timing.record import Timing

Cost = Literal["score", "fit"]
_SHORTEST = 1e-6  # seconds; a logarithmic axis has no place for a time that rounds to zero
_SECONDS = {"fit": (TIMES[0].read, 1.0), "score": (TIMES[1].read, 1e-3)}
_INTERVAL, _RANGE = "95% interval of the only seed", "range of the seeds"
_LEAST_SPAN = 0.05  # of the AUROC axis
_MARGIN, _HALF_A_MARK = 0.08, 0.025  # of what an axis shows
_AXIS = {"score": "Seconds per scored image", "fit": "Seconds of fitting"}


@dataclass(frozen=True)
class Point:
    """A method in the figure; ``low`` and ``high``: interval of its only seed, or range of its seeds."""

    method: str
    seconds: float
    auroc: float
    low: float
    high: float
    figures: str
    """For the legend."""

    @classmethod
    def of(cls, method: str, runs: Sequence[SavedRun], seconds: float) -> Point:
        aurocs = [run.metrics.score.auroc for run in runs]
        low, high, spread = _ends(runs, aurocs)
        auroc = fmean(aurocs)
        return cls(method, max(seconds, _SHORTEST), auroc, low, high, f"{auroc:.3f}{spread}")


@styled
def draw(width: Width, selection: Selection, cost: Cost = "score") -> Drawing:
    """A mark for each method at its seconds and AUROC; ``cost`` says which seconds.

    A method without any is left out and named; raises ``ConfigError`` where none is left.
    """
    seconds, timed = _seconds(selection, cost)
    points = [Point.of(method, selection.runs[method], of_method) for method, of_method in seconds.items()]
    points.sort(key=lambda point: (-point.auroc, point.method))
    styles, size = looks_of(selection), 4 * width.line
    legend = [marker_entry(selection.title(p.method), styles[p.method], size, p.figures) for p in points]
    is_on_front = on_front([p.seconds for p in points], [p.auroc for p in points])
    front = [p for p, is_on in zip(points, is_on_front, strict=True) if is_on]
    notes = [*selection.notes, *_notes(selection, timed, points), *_front_note(front)]
    figure = canvas(width, min(0.6 * width.mm, 90.0), legend, notes)
    axes = figure.subplots()
    for p in points:
        look = styles[p.method]
        axes.vlines(p.seconds, p.low, p.high, color=look.colour, linewidth=0.7 * width.line)
        axes.plot(p.seconds, p.auroc, color=look.colour, marker=look.marker, markersize=size)
    _draw_front(axes, front)
    plain_log(axes)
    axes.set(xlabel=_AXIS[cost] + ("" if timed else " (indicative)"), ylabel="AUROC")
    axes.set(xlim=_seconds_shown(points), ylim=_aurocs_shown(points))
    return Drawing(figure, pd.DataFrame(map(asdict, points)).drop(columns="figures").assign(on_front=is_on_front))


def _seconds(selection: Selection, cost: Cost) -> tuple[dict[str, float], Mapping[str, Timing] | None]:
    """Of each method that has any: as ``bench time`` measured them, with its timings, or else as the runs took."""
    found = _seconds_of_runs(selection, cost)
    timed = timings_for({method: selection.firsts[method].record for method in found}) if found else None
    found = _timed_seconds(timed, cost) if timed else found
    if not found:
        raise ConfigError(
            f"Expected times of {', '.join(selection.runs)} on {selection.dataset}, found none: maps of other programs"
            " come without. Name runs made here: --method … --preset …"
        )
    return found, timed


def _timed_seconds(timed: Mapping[str, Timing], cost: Cost) -> dict[str, float]:
    spreads = {method: timing.spread(COSTS[cost]) for method, timing in timed.items()}
    return {method: spread.median for method, spread in spreads.items() if spread}


def _seconds_of_runs(selection: Selection, cost: Cost) -> dict[str, float]:
    read, unit = _SECONDS[cost]
    readings = {
        method: [reading.value * unit for run in runs if (reading := read(run.record))]
        for method, runs in selection.runs.items()
    }
    return {method: fmean(of_method) for method, of_method in readings.items() if of_method}


def _ends(runs: Sequence[SavedRun], aurocs: Sequence[float]) -> tuple[float, float, str]:
    """Interval of the only seed, or range of the seeds; and its text."""
    if len(runs) > 1:
        return min(aurocs), max(aurocs), spread_text(min(aurocs), max(aurocs), len(runs))
    interval = runs[0].metrics.score.auroc_interval
    low, high = interval.low, interval.high
    if low is None or high is None:
        low = high = aurocs[0]
    return low, high, interval_text(interval)


def on_front(seconds: Sequence[float], accuracy: Sequence[float]) -> list[bool]:
    """Of each method: whether none is as fast and as accurate, and better in one of the two."""
    points = list(zip(seconds, accuracy, strict=True))
    return [not any(s <= x and a >= y and (s, a) != (x, y) for s, a in points) for x, y in points]


def _seconds_shown(points: Sequence[Point]) -> tuple[float, float]:
    """A power of ten at least, so that some of its ticks have labels."""
    low, high = min(p.seconds for p in points), max(p.seconds for p in points)
    factor = max(high / low, 10) ** (0.5 + _MARGIN)
    middle = math.sqrt(low * high)
    return middle / factor, middle * factor


def _aurocs_shown(points: Sequence[Point]) -> tuple[float, float]:
    """Every bar and ``_LEAST_SPAN`` at least; above 1, where nothing is, room for half a mark."""
    low, high = min(p.low for p in points), max(p.high for p in points)
    span = max(high - low, _LEAST_SPAN)
    high = min(1.0, (low + high + span) / 2)
    return high - (1 + _MARGIN) * span, min(high + _MARGIN * span, 1 + _HALF_A_MARK * span)


def _draw_front(axes: Axes, front: Sequence[Point]) -> None:
    fastest_first = sorted(front, key=lambda p: p.seconds)
    seconds, accuracy = ([getattr(p, name) for p in fastest_first] for name in ("seconds", "auroc"))
    axes.step(seconds, accuracy, where="post", color="#b0b0b0", linewidth=0.8, zorder=0)


def _notes(selection: Selection, timed: Mapping[str, Timing] | None, points: Sequence[Point]) -> list[str]:
    shown = {p.method: selection.runs[p.method] for p in points}
    without = [method for method in selection.runs if method not in shown]
    bars = [_RANGE if len(shown[p.method]) > 1 else _INTERVAL for p in points if p.low < p.high]
    return [
        _how_it_was_timed(timed) if timed else _how_long_runs_took(shown.values()),
        *([f"Bars: {', or '.join(sorted(set(bars)))}."] if bars else []),
        *([f"Without times: {', '.join(without)}."] if without else []),
    ]


def _front_note(front: Sequence[Point]) -> list[str]:
    """Nothing where one method is the best in both, and no line is drawn."""
    return ["Grey line: the Pareto front."] if len(front) > 1 else []


def _how_it_was_timed(timed: Mapping[str, Timing]) -> str:
    timing = next(iter(timed.values()))
    beside = ", other processes beside" if any(each.is_contended for each in timed.values()) else ""
    processes = f"{timing.repeats} process{'es' * (timing.repeats != 1)}"
    return f"Timed by bench time, one image after the other, {processes}: {timing.device_name}{beside}."


def _how_long_runs_took(shown: Iterable[Sequence[SavedRun]]) -> str:
    machines = {_machine(run) for runs in shown for run in runs}
    where = next(iter(machines)) if len(machines) == 1 else f"{len(machines)} different machines, NOT comparable"
    return f"Wall times of the runs themselves, with whatever else the machine did: {where}."


def _machine(run: SavedRun) -> str:
    provenance = run.record.provenance
    hardware = provenance.get("hardware", {})
    on_gpu = str(provenance.get("device", "")).startswith("cuda")
    name = ", ".join(hardware.get("gpus", [])) if on_gpu else hardware.get("cpu", "unknown processor")
    threads = provenance.get("threads")
    return f"{name}, {threads} thread{'s' * (threads != 1)}" if threads and not on_gpu else str(name)
