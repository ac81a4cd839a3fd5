"""What Ray runs on a node: it starts the ordinary process of one run and stays with it until that is over.

Ray hands a function over by its name and its arguments by pickle; ours are strings and numbers, and so is the answer.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from bench.executors.processes import RunProcess
from bench.stopping import StopRequest

_LOOK_EVERY = 0.1  # seconds


def attend(
    python: str,
    job: str,
    token: str,
    log: str,
    label: str,
    environment: Mapping[str, str],
    grace: float,
    timeout: float | None,
) -> tuple[int, bool, bool]:
    """Perform the job in that file; returns exit status, whether it took too long, and whether it was asked to stop.

    ``ray.cancel`` arrives as Ctrl-C does: first the run writes a checkpoint, the second time it is killed. When
    this process ends before the run, Ray kills the run, or else that notices and stops by itself.
    """
    with StopRequest().listening() as stop:
        running = RunProcess.start(
            [job, "--claim", token, "--unless-recorded"], Path(log), f"{label}, on node {socket.gethostname()}",
            {**os.environ, **environment}, grace, timeout, python,
        )  # fmt: skip
        try:
            while not running.is_over():
                if stop.requested:
                    running.ask_to_stop()
                time.sleep(_LOOK_EVERY)
        finally:
            running.kill()
    return running.exit_status, running.timed_out, stop.requested
