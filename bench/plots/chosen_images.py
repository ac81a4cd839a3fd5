"""Which test images a figure shows: those the reader named, or by a rule that stands on the figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from bench.contracts import NORMAL
from bench.errors import unknown_name
from bench.plots.scores import kinds_of
from bench.records.record import SCORE
from bench.records.saved import SavedRun

Pick = Literal["first", "worst", "best", "spread"]
RULES: dict[Pick, str] = {
    "first": "Of each kind the first test image by name.",
    "worst": "Chosen by score: of each kind the image that {method} ranks worst.",
    "best": "Chosen by score: of each kind the image that {method} ranks best.",
    "spread": "Chosen by score: of each kind the images that {method} ranks best, in the middle, and worst.",
}


def chosen_images(run: SavedRun, ids: Sequence[str], pick: Pick) -> tuple[list[str], str]:
    """Ids of test images, and the rule; raises ``ConfigError`` for an id that is not in the test."""
    if ids:
        known = run.scores["id"].tolist()
        for name in ids:
            if name not in known:
                raise unknown_name("test image", name, known, "Ids stand in the column id of scores.parquet.")
        return list(ids), "Images chosen by hand."
    rule = RULES[pick].format(method=run.record.spec.method)
    return [name for kind in kinds_of(run) for name in _of_kind(run, kind, pick)], rule


def _of_kind(run: SavedRun, kind: str, pick: Pick) -> Iterator[str]:
    rows = run.scores[run.scores["kind"] == kind]
    if pick == "first":
        yield min(rows["id"])
        return
    best_first = _best_first(rows)
    last = len(best_first) - 1
    places = {"best": [0], "worst": [last], "spread": sorted({0, last // 2, last})}[pick]
    yield from (best_first[place] for place in places)


def _best_first(rows: pd.DataFrame) -> list[str]:
    """The clearest cases first: low scores of normal images, high ones of anomalous ones."""
    sign = 1.0 if (rows["label"] == NORMAL).all() else -1.0
    order = np.argsort(sign * rows[SCORE].to_numpy(), kind="stable")
    return rows["id"].iloc[order].tolist()
