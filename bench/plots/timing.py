"""Accuracy against time, with the line of methods that no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes

from bench.plots.canvas import canvas, marker_entry
from bench.plots.curves import looks_of, spread_text
from bench.plots.output import Drawing
from bench.plots.selection import Selection
from bench.plots.style import Width, plain_log, styled
from bench.saved import SavedRun
from bench.standings import Standing, Standings, standings

Cost = Literal["score", "fit"]
_AXIS = {"score": "Seconds per scored image (indicative)", "fit": "Seconds of fitting (indicative)"}


@styled
def draw(width: Width, selection: Selection, cost: Cost = "score") -> Drawing:
    """A mark for each method at its seconds and AUROC; ``cost`` says which seconds."""
    (ranking,) = _standings(selection)
    table = _table(ranking, cost)
    styles, size = looks_of(selection), 4 * width.line
    legend = [
        marker_entry(selection.title(row.method), styles[row.method], size, row.label) for row in table.itertuples()
    ]
    figure = canvas(width, min(0.6 * width.mm, 90.0), legend, [*selection.notes, *_notes(selection)])
    axes = figure.subplots()
    for row in table.itertuples():
        look = styles[row.method]
        axes.errorbar(row.seconds, row.auroc, yerr=[[row.auroc - row.low], [row.high - row.auroc]], color=look.colour,
                      marker=look.marker, markersize=size, elinewidth=0.7 * width.line)  # fmt: skip
    _draw_front(axes, table)
    plain_log(axes)
    axes.set(xlabel=_AXIS[cost], ylabel="AUROC")
    axes.margins(x=0.08)
    return Drawing(figure, table.drop(columns="label"))


def _standings(selection: Selection) -> list[Standings]:
    return standings([run.record for runs in selection.runs.values() for run in runs])


def _table(ranking: Standings, cost: Cost) -> pd.DataFrame:
    """Method, seconds, AUROC, its interval or range, and whether it is on the front; best AUROC first."""
    rows = [
        {
            "method": row.method,
            "seconds": max(row.seconds_per_image if cost == "score" else row.fit_seconds, 1e-6),
            "auroc": row.auroc,
            "low": _bound(row, upper=False),
            "high": _bound(row, upper=True),
            "label": _label(row),
        }
        for row in ranking.rows
    ]
    table = pd.DataFrame(rows)
    return table.assign(on_front=on_front(table["seconds"].to_list(), table["auroc"].to_list()))


def _bound(row: Standing, upper: bool) -> float:
    if row.interval is None:
        return row.highest if upper else row.lowest
    bound = row.interval.high if upper else row.interval.low
    return row.auroc if bound is None else bound


def _label(row: Standing) -> str:
    figures = [row.lowest, row.highest] if row.seeds > 1 else [row.auroc]
    spread = spread_text(figures, row.interval)
    return f"{row.auroc:.3f}{spread.replace('2 seeds', f'{row.seeds} seeds')}"


def on_front(seconds: Sequence[float], accuracy: Sequence[float]) -> list[bool]:
    """Of each method: whether none is as fast and as accurate, and better in one of the two."""
    points = list(zip(seconds, accuracy, strict=True))
    return [not any(s <= x and a >= y and (s, a) != (x, y) for s, a in points) for x, y in points]


def _draw_front(axes: Axes, table: pd.DataFrame) -> None:
    front = table[table["on_front"]].sort_values("seconds")
    axes.step(front["seconds"], front["auroc"], where="post", color="#b0b0b0", linewidth=0.8, zorder=0)


def _notes(selection: Selection) -> list[str]:
    machines = {_machine(run) for runs in selection.runs.values() for run in runs}
    where = next(iter(machines)) if len(machines) == 1 else f"{len(machines)} different machines, NOT comparable"
    return [
        f"Wall times of the runs themselves, with whatever else the machine did: {where}.",
        "Bars: 95% interval of the only seed, or range of the seeds.",
        "Grey line: methods that no other one beats in both.",
    ]


def _machine(run: SavedRun) -> str:
    provenance = run.record.provenance
    hardware = provenance.get("hardware", {})
    on_gpu = str(provenance.get("device", "")).startswith("cuda")
    name = ", ".join(hardware.get("gpus", [])) if on_gpu else hardware.get("cpu", "unknown processor")
    threads = provenance.get("threads")
    return f"{name}, {threads} thread{'s' * (threads != 1)}" if threads and not on_gpu else str(name)
