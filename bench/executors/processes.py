"""Processes of runs: what they find in their environment, how they are ended, and how they ended, in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.jobs.logs import HEADLINE
from bench.provenance import now

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class RunProcess:
    """``python -m bench.worker`` in a group of its own, so that what it started ends with it."""

    process: subprocess.Popen[bytes]
    grace: float
    """Seconds from the request to stop until it is killed."""
    ends_by: float
    """When its time is over, on the steady clock."""
    killed_by: float | None = None
    """When it is killed, once it was asked to stop."""
    timed_out: bool = False

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        log: Path,
        headline: str,
        environment: Mapping[str, str],
        grace: float,
        timeout: float | None,
        python: str = sys.executable,
    ) -> Self:
        """What it prints is added to the log, below a headline; it ends by itself when this process is gone."""
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [python, "-X", "faulthandler", "-m", "bench.worker", *arguments, "--parent", str(os.getpid())]
        with log.open("ab") as stream:
            stream.write(f"{HEADLINE}{now()} {headline}\n".encode())
            stream.flush()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True,
            )  # fmt: skip
        return cls(process, grace, time.monotonic() + (timeout or float("inf")))

    def is_over(self) -> bool:
        """Look at it: asked to stop when its time is over, killed when it does not heed that."""
        if self.process.poll() is not None:
            self.signal(signal.SIGKILL)  # whatever it started and left behind
            return True
        moment = time.monotonic()
        if self.killed_by is None and moment > self.ends_by:
            self.timed_out = True
            self.ask_to_stop()
        elif self.killed_by is not None and moment > self.killed_by:
            self.signal(signal.SIGKILL)
        return False

    def ask_to_stop(self) -> None:
        """With a checkpoint."""
        if self.killed_by is None:
            self.killed_by = time.monotonic() + self.grace
            self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """At once, unless it is over; gone on return."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    @property
    def exit_status(self) -> int:
        """Negative for a signal; only once it is over."""
        assert self.process.returncode is not None
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        """To the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's own with ``more``; a run imports the same code as this process, wherever it found that."""
    joined = {**os.environ, **more}
    if (_CHECKOUT / "pyproject.toml").is_file():
        paths = [str(_CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
        joined["PYTHONPATH"] = os.pathsep.join(paths)
    return joined


def how_it_ended(status: int) -> str:
    """Of an exit status, or of a signal as a negative number."""
    if status >= 0:
        return f"its process ended with status {status} and no record"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    memory = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{memory}"
