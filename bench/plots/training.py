"""What the training loops logged, a panel for each stage and figure, a line for each method and seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from bench.errors import ConfigError
from bench.plots.canvas import canvas, line_entry
from bench.plots.curves import looks_of
from bench.plots.lettering import fitted
from bench.plots.output import Drawing
from bench.plots.panels import columns_of, grid_of
from bench.plots.selection import Selection
from bench.plots.style import Look, Width, styled

_NOT_FIGURES = ("stage", "step", "seconds")


@styled
def draw(width: Width, selection: Selection) -> Drawing:
    """Raises ``ConfigError`` where no method of the selection logged any figure."""
    logged = _logged(selection)
    panels = [(stage, figure) for (stage, figure), _ in logged.groupby(["stage", "figure"], sort=False)]
    trained = [name for name in selection.runs if name in set(logged["method"])]
    styles = looks_of(selection)
    columns = columns_of(width, len(panels))
    legend = [line_entry(selection.title(name), styles[name]) for name in trained] if len(trained) > 1 else []
    notes = [*selection.notes, *_notes(selection, trained)]
    figure = canvas(width, -(-len(panels) // columns) * 30 * width.points / 7, legend, notes)
    room = 0.85 * width.mm / columns
    for axes, (stage, name) in zip(grid_of(figure, width, len(panels)), panels, strict=True):
        rows = logged[(logged["stage"] == stage) & (logged["figure"] == name)]
        _draw_panel(axes, rows, styles)
        axes.set_title(fitted(f"{stage}: {str(name).replace('_', ' ')}", room, width.points), loc="left")
        axes.set_xlabel("Step")
    return Drawing(figure, logged)


def _notes(selection: Selection, trained: Sequence[str]) -> list[str]:
    untrained = [name for name in selection.runs if name not in trained]
    notes = [f"Method: {trained[0]}."] if len(trained) == 1 else []
    if any(len(selection.runs[name]) > 1 for name in trained):
        notes.append("A line for each seed.")
    return notes + ([f"Without a training log: {', '.join(untrained)}."] if untrained else [])


def _logged(selection: Selection) -> pd.DataFrame:
    """One row for each method, seed, stage, figure and step."""
    tables = [
        rows.assign(method=name, seed=run.record.spec.seed)
        for name, runs in selection.runs.items()
        for run in runs
        for rows in [run.training]
        if len(rows)
    ]
    long = _long(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()
    if not len(long):
        raise _nothing_logged(selection)
    return _in_order_of_stages(long)


def _nothing_logged(selection: Selection) -> ConfigError:
    without = [name for name, run in selection.firsts.items() if not run.has("training.csv")]
    reasons = [f"no log is kept beside the records of {', '.join(without)}"] if without else []
    if len(without) < len(selection.runs):
        reasons.append("nothing is trained step by step there, or its steps log nothing")
    return ConfigError(
        f"None of {', '.join(selection.runs)} logged figures of its training on {selection.dataset}:"
        f" {'; else '.join(reasons)}. Name runs made here, of a method with networks: --method … --preset …"
    )


def _long(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each figure of a step, without those that a stage does not log."""
    names = [name for name in rows.columns if name not in (*_NOT_FIGURES, "method", "seed")]
    long = rows.melt(["method", "seed", "stage", "step"], names, var_name="figure", value_name="value")
    return long.dropna(subset="value")


def _in_order_of_stages(long: pd.DataFrame) -> pd.DataFrame:
    order = {stage: i for i, stage in enumerate(dict.fromkeys(long["stage"]))}
    return long.iloc[long["stage"].map(order).argsort(kind="stable")].reset_index(drop=True)


def _draw_panel(axes: Axes, rows: pd.DataFrame, styles: Mapping[str, Look]) -> None:
    for method, line in _lines(rows):
        look = styles[method]
        marker = "o" if len(line) < 2 else ""
        axes.plot(line["step"], line["value"], color=look.colour, linestyle=look.line, marker=marker, markersize=3)


def _lines(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for (method, _), line in rows.groupby(["method", "seed"], sort=False):
        yield str(method), line.sort_values("step")
