"""Which runs a report is made of."""

from __future__ import annotations

from dataclasses import replace

from bench.boards.leaderboard import Known
from bench.progress import Reporter
from bench.records.saved import finished, of_dataset
from bench.records.store import RecordStore


def select(store: RecordStore, dataset: str | None, reporter: Reporter) -> Known:
    """Every finished run, or those on ``mnist`` or ``mnist:1``, and the published rows.

    Records that cannot be read are said and left out; raises ``ConfigError`` where no run is left.
    """
    runs = finished(store, on_damage=lambda error: reporter.say(f"Left out: {error}"))
    chosen = of_dataset(runs, dataset) if dataset else runs
    return replace(Known.read(store, on_damage=lambda error: None), runs=tuple(chosen))
