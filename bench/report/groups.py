"""Runs on the same test images: they share pictures and a page, and may be compared image by image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.records.record import Record
from bench.records.saved import SavedRun
from bench.spec import digest


@dataclass(frozen=True)
class Group:
    """Every run on one data set in one state and under one protocol, whatever its preset and view."""

    runs: tuple[SavedRun, ...]

    @property
    def label(self) -> str:
        """``mnist:1`` or ``oct``, as on the command line."""
        return self.runs[0].record.spec.dataset_label

    @property
    def slug(self) -> str:
        """Name of its pages and of the folder of its images; two states of one data set have two."""
        return group_slug(self.runs[0].record)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each run that no other run of the group has."""
        short = [_name(run.record) for run in self.runs]
        twice = {name for name in short if short.count(name) > 1}
        return tuple(
            f"{name}, {run.record.key[:6]}" if name in twice else name
            for name, run in zip(short, self.runs, strict=True)
        )


def groups(runs: Sequence[SavedRun]) -> list[Group]:
    """Runs by what they were tested on, in the order of the data sets' names."""
    ordered = sorted(runs, key=lambda run: (*_tested_on(run.record), *_order(run.record)))
    return [Group(tuple(found)) for _, found in groupby(ordered, key=lambda run: _tested_on(run.record))]


def group_slug(record: Record) -> str:
    """Letters, digits and hyphens, whatever the data set is called."""
    return f"{_plain(record.spec.dataset_label)}-{digest(_tested_on(record))[:8]}"


def run_slug(record: Record) -> str:
    """Name of a run's page and of the folder of its pictures."""
    return f"{_plain(record.spec.method)}-{_plain(record.key)}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def _tested_on(record: Record) -> tuple[str, str, str]:
    return (record.spec.dataset_label, record.protocol_name, record.spec.data)


def _order(record: Record) -> tuple[str, str, str, int]:
    spec = record.spec
    return (spec.preset, spec.method, spec.view, spec.seed)


def _name(record: Record) -> str:
    spec = record.spec
    return f"{spec.method}, {spec.preset}, {spec.view}, seed {spec.seed}"
