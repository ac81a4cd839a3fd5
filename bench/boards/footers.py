"""What stands below a board: how many images, which code, what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.boards.comparable import Terms
from bench.boards.model import Counts
from bench.records.record import Record
from bench.records.saved import SavedRun


def counts_of(runs: Sequence[SavedRun]) -> Counts | None:
    """Images of the test part, the fewest and the most of the categories."""
    counts = [run.record.counts for run in runs if run.record.counts]
    if not counts:
        return None
    groups = [each.test_groups for each in counts if each.test_groups is not None]
    return Counts(
        _span([each.test_normal for each in counts]),
        _span([each.test_anomalous for each in counts]),
        _span(groups) if groups else None,
    )


def _span(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def group_name(runs: Sequence[SavedRun]) -> str:
    """What a group is, in the words of the data set."""
    return next((str(run.record.facts["group"]) for run in runs if run.record.facts.get("group")), "group")


def versions_of(runs: Sequence[SavedRun]) -> tuple[str, ...]:
    """Which release and commits made the runs."""
    return tuple(sorted({_version(run.record) for run in runs}))


def _version(record: Record) -> str:
    git, packages = record.provenance.get("git") or {}, record.provenance.get("packages") or {}
    commit = f", commit {git['commit'][:10]}{' with changes' if git.get('dirty') else ''}" if git.get("commit") else ""
    return f"fanogan-bench {packages.get('fanogan-bench') or 'from a checkout'}{commit}"


def failures_of(records: Sequence[Record], runs: Sequence[SavedRun], terms: Terms) -> tuple[str, ...]:
    """Records of these terms without a result that no run of theirs repeated since, each with its reason."""
    return tuple(
        f"{record.spec.method} on {record.spec.dataset_label}, seed {record.spec.seed}: {record.status},"
        f" {(record.reason or 'no reason').splitlines()[0]}"
        for record in records
        if _would_stand_there(record, terms) and not any(_repeats(run.record, record) for run in runs)
    )


def _would_stand_there(record: Record, terms: Terms) -> bool:
    spec = record.spec
    same = (spec.dataset, spec.preset, record.protocol_name) == (terms.dataset, terms.preset, terms.protocol)
    return same and (spec.data == terms.data if terms.data else True)


def _repeats(done: Record, failure: Record) -> bool:
    """Whether the same was asked again since, maybe of other code; what was killed does not state its settings."""
    stated = failure.settings is not None and failure.settings == done.settings
    same = _asked(done) == _asked(failure) and (stated or failure.spec.params == done.spec.params)
    return same and done.finished >= failure.finished


def _asked(record: Record) -> tuple[Any, ...]:
    spec = record.spec
    return (*spec.question(), spec.view, spec.precision, spec.dataset_params)
