"""Runs that were left to Slurm as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.durations import clock
from bench.grid.submitted import LOST, SubmittedRun, counts

_STYLES = {"done": "green", "running": "cyan", "waiting": "dim", "interrupted": "yellow", "timeout": "yellow"}
_ORDER = ("running", "waiting", LOST)


def submitted_report(runs: Sequence[SubmittedRun]) -> RenderableType:
    """Counts, then a line for each run that is not done: what runs first."""
    shown = [run for run in runs if run.state != "done"]
    shown.sort(key=lambda run: _ORDER.index(run.state) if run.state in _ORDER else len(_ORDER))
    listed = ", ".join(f"{n} {state}" for state, n in counts(runs).items())
    headline = Text.from_markup(f"[bold]{len(runs)} runs[/]: {listed}")
    return Group(headline, _table(shown)) if shown else headline


def _table(runs: Sequence[SubmittedRun]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("run", no_wrap=True)
    table.add_column("task", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("stage, time left, or why", overflow="fold")
    for run in runs:
        state = Text(run.state, style=_STYLES.get(run.state, "red"))
        table.add_row(escape(run.job.label), run.task, state, escape(_how(run)))
    return table


def _how(run: SubmittedRun) -> str:
    at = run.progress
    steps = f"{at.stage} {at.done}/{at.total}" if at.total else at.stage
    left = f"{clock(at.left)} left" if at.left is not None else ""
    return ", ".join(filter(None, [steps, left, run.reason]))
