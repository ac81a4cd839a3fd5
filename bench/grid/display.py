"""How a campaign shows itself: a live table in a terminal, lines when piped, a line a run in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.durations import clock, shown
from bench.executors import Executor
from bench.grid.campaign import Display, State
from bench.jobs.job import Job
from bench.jobs.progress import Progress
from bench.progress import Reporter, TerminalReporter
from bench.records.record import Record

_WIDEST = 110  # columns
_MOST_ROWS = 16  # running runs that the table lists
_NUMBERS = ("steps", "left", "since")
_LATEST = 5  # runs that came to grief, below it
_REDRAW_EVERY = 1.0  # seconds: as often as runs write their progress
_STATUS_STYLE = {"done": "green", "interrupted": "yellow", "timeout": "yellow"}


@contextmanager
def display_for(executor: Executor, reporter: Reporter, total: int) -> Iterator[Display]:
    """What suits the executor and the place that ``reporter`` writes to."""
    if executor.shows_progress:
        yield OwnProgress(reporter, total)
    elif isinstance(reporter, TerminalReporter):
        with Live(console=reporter.console, auto_refresh=False, transient=True) as live:
            yield LiveTable(live)
    else:
        yield Lines(reporter, total, "started" if executor.starts_at_once else "queued ")


class OwnProgress:
    """Runs show their stages themselves; between them stands a line."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter, self._total, self._begun = reporter, total, 0

    def started(self, job: Job, state: State) -> None:
        self._begun += 1
        self._reporter.say(f"[{self._begun}/{self._total}] {job.label}, {job.spec.preset}")
        if job.note:
            self._reporter.say(f"  {job.note}")

    def held(self, job: Job, why: str) -> None:
        self._reporter.say(f"  {job.label}: {why}")

    def finished(self, job: Job, record: Record, state: State) -> None:
        if record.status != "done":
            self._reporter.say(f"  {record.status}: {record.reason}")

    def look(self, state: State) -> None:
        pass


class Lines:
    """A line when a run starts, or is put into a queue, and one when it ends."""

    def __init__(self, reporter: Reporter, total: int, begun: str = "started") -> None:
        self._reporter, self._total, self._begun = reporter, total, begun
        self._started: dict[str, float] = {}

    def started(self, job: Job, state: State) -> None:
        self._started[job.key] = time.monotonic()
        self._reporter.say(f"{self._begun}  {job.label}, {job.spec.preset}" + (f" ({job.note})" if job.note else ""))

    def held(self, job: Job, why: str) -> None:
        self._reporter.say(f"held     {job.label}: {why}")

    def finished(self, job: Job, record: Record, state: State) -> None:
        begun = self._started.get(job.key)
        took = f" in {shown(time.monotonic() - begun)}" if begun is not None else ", by another process"
        self._reporter.say(f"[{len(state.records)}/{self._total}] {job.label}: {_outcome(record)}{took}")
        if record.status != "done":
            self._reporter.say(f"  {first_line(record)}\n  log {job.log}")

    def look(self, state: State) -> None:
        pass


class LiveTable:
    """Counts, the running runs with stage, progress and time left, and the latest that came to grief."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._start = self._drawn = time.monotonic()
        self._started: dict[str, float] = {}
        self._troubles: list[Text] = []
        self._performed = 0

    def started(self, job: Job, state: State) -> None:
        self._started[job.key] = time.monotonic()
        self._draw(state)

    def held(self, job: Job, why: str) -> None:
        pass  # the counts say it

    def finished(self, job: Job, record: Record, state: State) -> None:
        self._performed += job.key in self._started
        if record.status != "done":
            style = _STATUS_STYLE.get(record.status, "red")
            text = Text.assemble((record.status, style), f" {job.label}: {first_line(record)}")
            text.no_wrap, text.overflow = True, "ellipsis"
            self._troubles.append(text)
        self._draw(state)

    def look(self, state: State) -> None:
        if time.monotonic() - self._drawn >= _REDRAW_EVERY:
            self._draw(state)

    def _draw(self, state: State) -> None:
        self._drawn = time.monotonic()
        self._live.update(self.content(state), refresh=True)

    def content(self, state: State) -> RenderableType:
        """What stands in the terminal now."""
        lines = [self._headline(state), self._table(state)] if state.running else [self._headline(state)]
        more = len(state.running) - _MOST_ROWS
        return Group(*lines, *([f"… and {more} more"] if more > 0 else []), *self._troubles[-_LATEST:])

    def _headline(self, state: State) -> str:
        counts = {
            "running": len(state.running) - len(state.queued),
            "in the queue": len(state.queued),
            "waiting": len(state.waiting) - len(state.held),
            "held by others": len(state.held),
            "done": sum(record.status == "done" for record in state.records.values()),
            "failed": sum(record.status != "done" for record in state.records.values()),
        }
        parts = [f"{n} {name}" for name, n in counts.items() if n or name in ("running", "waiting", "done")]
        return f"[bold]{state.total} runs[/]: {', '.join(parts)}\n{self._times(state)}"

    def _times(self, state: State) -> str:
        """Time left from the pace so far; the first run must end before it means anything."""
        spent = time.monotonic() - self._start
        ahead = len(state.waiting) + len(state.running)
        left = f", about {clock(spent / self._performed * ahead)} left" if self._performed and ahead else ""
        return f"{clock(spent)}{left}"

    def _table(self, state: State) -> Table:
        width = min(self._live.console.width, _WIDEST)
        table = Table(box=None, pad_edge=False, header_style="dim", width=width)
        table.add_column("run", no_wrap=True, ratio=1)
        for name in ("stage", "", "steps", "left", "since"):
            table.add_column(name, no_wrap=True, justify="right" if name in _NUMBERS else "left", min_width=len(name))
        for job in sorted(state.running.values(), key=lambda job: job.key in state.queued)[:_MOST_ROWS]:
            table.add_row(*self._cells(job, job.key in state.queued))
        return table

    def _cells(self, job: Job, is_queued: bool) -> list[RenderableType]:
        at = Progress.read(job.progress)
        bar: RenderableType = ProgressBar(at.total, at.done, width=10) if at.total else ""
        steps = f"{at.done}/{at.total}" if at.total else ""
        left = clock(at.left) if at.left is not None else ""
        since = clock(time.monotonic() - self._started.get(job.key, time.monotonic()))
        return [escape(job.label), escape(at.stage or ("queued" if is_queued else "starting")), bar, steps, left, since]


def _outcome(record: Record) -> str:
    if record.status == "done":
        return f"done, AUROC {record.metrics.score.auroc:.3f}" if record.metrics else "done"
    return record.status


def first_line(record: Record) -> str:
    """Why it is not done, in a line."""
    return (record.reason or record.status).splitlines()[0]
