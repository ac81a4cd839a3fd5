"""Progress of long work on standard error: a bar for each stage in a terminal, plain lines when piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LINE_EVERY = 15.0  # seconds between plain lines


class Stage(Protocol):
    """One stage of work under way."""

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        """``done`` steps of the total are finished; ``values`` are shown beside the bar."""


class Reporter(Protocol):
    """Shows stages and messages."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Stage]: ...

    def say(self, text: str) -> None: ...


def reporter() -> Reporter:
    """Bars when standard error is a terminal, lines otherwise."""
    console = Console(stderr=True, highlight=False)
    return TerminalReporter(console) if console.is_terminal else LineReporter()


class TerminalReporter:
    """A rich progress bar with step, rate, losses and remaining time."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str) -> None:
        self.console.print(text, markup=False)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(name, total=total, rate="", values="")
            yield _Bar(progress, task)


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._start = time.monotonic()
        self._first: int | None = None  # a resumed stage starts beyond zero

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        fields = {"values": _shown(values)} if values else {}
        self._progress.update(self._task, completed=done, rate=self._rate(done), **fields)  # type: ignore[arg-type]

    def _rate(self, done: int) -> str:
        self._first = done if self._first is None else self._first
        seconds = time.monotonic() - self._start
        return f"{(done - self._first) / seconds:.1f}/s" if seconds > 1 else ""


class LineReporter:
    """One line when a stage starts, every fifteen seconds, and when it ends."""

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Stage]:
        line = _Lines(name, total)
        yield line
        line.finish()


class _Lines:
    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._start = self._last = time.monotonic()
        self._first: int | None = None
        self._done = 0

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        self._first = done if self._first is None else self._first
        self._done = done
        now = time.monotonic()
        if now - self._last >= _LINE_EVERY:
            self._last = now
            rate = (done - self._first) / (now - self._start)
            left = f", {(self._total - done) / rate:.0f} s left" if rate > 0 else ""
            self._print(f"{done}/{self._total}, {rate:.1f}/s{left}  {_shown(values)}".rstrip())

    def finish(self) -> None:
        self._print(f"{self._done}/{self._total} in {time.monotonic() - self._start:.1f} s")

    def _print(self, text: str) -> None:
        print(f"  {self._name}: {text}", file=sys.stderr, flush=True)


def _shown(values: Mapping[str, float] | None) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in (values or {}).items())
