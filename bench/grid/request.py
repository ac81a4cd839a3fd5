"""What ``bench run`` and ``bench time`` are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.data.roots import Roots
from bench.precision import FLOAT32


@dataclass(frozen=True)
class Request:
    """What the user asked for; every combination of method, data set and seed is one run."""

    methods: Sequence[str]
    datasets: Sequence[str]
    seeds: Sequence[int] = (0,)
    preset: str = "standard"
    settings: Sequence[str] = ()
    """``key=value`` or ``plugin.key=value``."""
    view: str | None = None
    data_root: Roots = None
    force: bool = False
    precision: str = FLOAT32
