"""Spans of time as people write them: ``90s``, ``45m``, ``2h``, ``1h30m``, ``2d``."""

from __future__ import annotations

import re

from bench.errors import ConfigError

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def seconds(text: str, option: str) -> float:
    """``1h30m`` as 5400.0; raises ``ConfigError`` naming the option. A bare number is refused: of what?"""
    match = _PATTERN.fullmatch(text.strip())
    total = sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n) if match else 0
    if total <= 0:
        raise ConfigError(f"Expected a duration after {option}, such as 90s, 45m, 2h or 1h30m; found '{text}'.")
    return total


def clock(span: float) -> str:
    """Seconds where there is little room: ``0:08``, ``3:20``, ``2:05:00``."""
    minutes, rest = divmod(round(span), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shown(span: float) -> str:
    """Seconds for people: ``8 s``, ``3 min 20 s``, ``2 h 05 min``, ``3 d 4 h``."""
    whole = round(span)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
