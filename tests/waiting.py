"""Waits for what another process does."""

from __future__ import annotations

import time


def wait_until(condition, seconds=60.0):
    """Look again and again until the condition holds; fails when it does not in that time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)
