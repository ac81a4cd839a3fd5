"""Processes of runs: what they find in their environment, and how they ended, in words."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


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
