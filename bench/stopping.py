"""Ctrl-C and SIGTERM as a request: the training loop saves a checkpoint first; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.errors import InterruptedRunError


class StopRequest:
    """Set by a signal, looked at between steps."""

    def __init__(self) -> None:
        self.requested = False

    def check(self) -> None:
        """Raise ``InterruptedRunError`` when a stop was asked for."""
        if self.requested:
            raise InterruptedRunError("stopped by the user; the same command resumes it")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    @contextmanager
    def listening(self) -> Iterator[StopRequest]:
        """Take SIGINT and SIGTERM as requests within the block. Signals reach the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
