"""An interval in words, the same wherever one is shown."""

from __future__ import annotations

from bench.metrics.resampling import Interval


def interval_text(interval: Interval) -> str:
    """``0.912 – 0.961``, or that there is none."""
    if interval.low is None or interval.high is None:
        return "degenerate"
    return f"{interval.low:.3f} – {interval.high:.3f}"
