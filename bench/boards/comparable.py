"""What may stand on one board, and which runs are the same configuration: nothing else is ever averaged or ranked.

Different terms, such as another protocol, split, preset or a subset, make another board. Different code of one
configuration makes another version of it, of which the newest counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.boards.measures import Measure
from bench.records.record import OWN_MAPS, Record
from bench.records.saved import SavedRun


@dataclass(frozen=True, order=True)
class Terms:
    """What the runs of one board agree in."""

    dataset: str
    category: str
    """Empty for the mean over categories."""
    protocol: str
    protocol_version: int
    preset: str
    marks: tuple[str, ...]
    is_mean_of_kinds: bool
    dataset_params: str
    """As canonical JSON."""
    data: str
    """Fingerprint of the files; empty for the mean over categories, where each has its own."""

    @classmethod
    def of(cls, record: Record, measure: Measure, over_categories: bool) -> Terms:
        assert record.metrics
        spec = record.spec
        return cls(
            dataset=spec.dataset,
            category="" if over_categories else spec.category or "",
            protocol=record.protocol_name,
            protocol_version=spec.protocol,
            preset=spec.preset,
            marks=tuple(record.marks()),
            is_mean_of_kinds=measure.is_mean_of_kinds(record.metrics),
            dataset_params=canonical(spec.dataset_params),
            data="" if over_categories else spec.data,
        )

    @property
    def label(self) -> str:
        """``mnist:1`` or ``mnist``."""
        return f"{self.dataset}:{self.category}" if self.category else self.dataset

    @property
    def is_trial(self) -> bool:
        """Whether nothing published may stand beside it: a small budget, or not the data that others were tested on."""
        return bool(set(self.marks) - {OWN_MAPS})


Configuration = tuple[str, str, str]
"""Method, view, and what differs from the preset (or all parameters, where a record does not say), as JSON."""


def configuration(record: Record) -> Configuration:
    """What makes two runs the same method: seeds, categories and versions of the code apart."""
    settings = record.spec.params if record.settings is None else record.settings
    return (record.spec.method, record.spec.view, canonical(settings))


def by_configuration(runs: Iterable[SavedRun]) -> dict[Configuration, list[SavedRun]]:
    """Runs sorted by method, view and parameters."""
    found: dict[Configuration, list[SavedRun]] = {}
    for run in runs:
        found.setdefault(configuration(run.record), []).append(run)
    return dict(sorted(found.items()))


def newest_version(runs: Sequence[SavedRun]) -> list[SavedRun]:
    """Of one configuration: the runs made by the code that made the newest of them, one for each category and seed."""
    newest = max(runs, key=_age)
    code = _code(newest.record)
    found: dict[tuple[str, int], SavedRun] = {}
    for run in sorted(runs, key=_age):
        if _code(run.record) == code:
            found[run.record.spec.category or "", run.record.spec.seed] = run
    return [found[key] for key in sorted(found)]


def newest_data(runs: Sequence[SavedRun]) -> list[SavedRun]:
    """Of several categories: the runs on the files that the newest run of their category used."""
    newest: dict[str | None, str] = {}
    for run in sorted(runs, key=_age):
        newest[run.record.spec.category] = run.record.spec.data
    return [run for run in runs if run.record.spec.data == newest[run.record.spec.category]]


def _age(run: SavedRun) -> tuple[str, str]:
    return (run.record.finished, run.record.key)


def _code(record: Record) -> tuple[Any, ...]:
    spec = record.spec
    return (spec.method_code, spec.dataset_code, spec.referee_code)


def canonical(values: object) -> str:
    return json.dumps(values, sort_keys=True, default=dict)


def differing(several: Sequence[str]) -> list[str]:
    """Of several parameters of a data set, each as ``canonical``: ``train_scans 32``, empty where none differ."""
    params = [json.loads(each) for each in several]
    names = [name for name in sorted(set().union(*params)) if len({canonical(each.get(name)) for each in params}) > 1]
    return [", ".join(f"{name} {each.get(name, 'not stated')}" for name in names) for each in params]


SEPARATE = (
    "keep a --results folder for each: bench run … --results OTHER, or move run folders from runs/ to OTHER/runs/"
)
"""What helps where no option of a command tells runs apart."""
