"""What ends a campaign before its time is told as what it is; what was done is kept."""

from __future__ import annotations

import errno
import os

import pytest

from bench.errors import RunError, StoreError
from bench.executors.serial import SerialExecutor
from bench.grid.execution import execute
from bench.grid.planning import plan
from bench.grid.request import Request


class Stopped(SerialExecutor):
    """Its second run cannot be started, for the reason that it was given."""

    def __init__(self, error, reporter):
        super().__init__("cpu", reporter)
        self.error, self.started = error, 0

    def start(self, jobs):
        self.started += 1
        if self.started == 2:
            raise self.error
        super().start(jobs)


def system_error(number, *file):
    return OSError(number, os.strerror(number), *file)


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (system_error(errno.EAGAIN), RunError, r"cannot be started or watched .*BlockingIOError.*the same command"),
        (system_error(errno.ECONNREFUSED), RunError, r"cannot be started or watched .*ConnectionRefused"),
        (system_error(errno.ENOSPC), StoreError, r"results folder .* cannot be written any more .*No space left"),
        (system_error(errno.EACCES, "a.json"), StoreError, r"results folder .* cannot be written any more .*a\.json"),
    ],
)
def test_only_writing_is_told_as_writing(store, silent, error, kind, told):
    runs = plan(Request(["intensity"], ["toy"], (0, 1), "quick", ["images=8", "tested=8"]), store)
    with pytest.raises(kind, match=told):
        execute(runs, store, Stopped(error, silent), silent)
    assert store.find(runs[0].spec).status == "done"
