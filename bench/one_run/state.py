"""A run under way: what it was asked, what it works with, and what it has noted so far."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.data.opening import OpenedDataset
from bench.progress import Reporter
from bench.provenance import now
from bench.records.store import RecordStore
from bench.spec import RunSpec
from bench.stopping import StopRequest


@dataclass
class Run:
    """One run under way."""

    spec: RunSpec
    data: OpenedDataset
    store: RecordStore
    device: torch.device
    reporter: Reporter
    stop: StopRequest
    work: Path
    study: str | None = None
    waits: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    """What joins the provenance on the way."""
    started: str = field(default_factory=now)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 3)
