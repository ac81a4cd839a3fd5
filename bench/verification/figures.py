"""Figures of a record computed again from its scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.judging.evaluation import evaluate
from bench.records.record import SCORE, Columns
from bench.records.saved import SavedRun
from bench.verification.finding import Finding

_SAME = 1e-9
"""Relative; sums may be taken in another order elsewhere. A changed last digit is what checksums are for."""
_FROM_MAPS = "pixel"
"""Part of the metrics that needs maps and masks."""


@dataclass(frozen=True)
class _Row:
    label: int
    kind: str
    group: str | None


def changed_figures(run: SavedRun) -> Iterator[Finding]:
    """Every figure that the saved scores do not give; those of maps are left out, which records need not keep."""
    metrics = run.metrics
    kept = [SCORE, *metrics.parts]
    again = evaluate(
        _judged(run),
        _columns(run.scores, kept),
        _columns(run.validation, kept) if metrics.operating_point else None,
        metrics.is_mean_of_kinds,
    )
    stored = metrics.model_dump(mode="json", exclude={_FROM_MAPS})
    for path, expected, found in _differences(again.model_dump(mode="json", exclude={_FROM_MAPS}), stored, ""):
        yield Finding("figures", str(run.record.folder), f"{path}: the scores give {expected}, the record says {found}")
    yield from _changed_counts(run)


def _judged(run: SavedRun) -> list[_Row]:
    rows = run.scores
    return [_Row(*row) for row in zip(rows["label"].tolist(), rows["kind"], run.groups, strict=True)]


def _columns(rows: pd.DataFrame, names: list[str]) -> Columns:
    return {name: rows[name].to_numpy(dtype="float64") for name in names}


def _changed_counts(run: SavedRun) -> Iterator[Finding]:
    counts = run.record.counts
    there = run.scores["kind"].value_counts().to_dict()
    if counts and counts.by_kind != there:
        yield Finding("figures", str(run.record.folder), f"counts: the scores are of {there}, the record says {counts}")


def _differences(expected: Any, found: Any, path: str) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON
    if isinstance(expected, Mapping) and isinstance(found, Mapping) and expected.keys() == found.keys():
        for name in expected:
            yield from _differences(expected[name], found[name], f"{path}.{name}".lstrip("."))
    elif not _is_same(expected, found):
        yield path, expected, found


def _is_same(expected: object, found: object) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=_SAME, abs_tol=_SAME)
    return expected == found
