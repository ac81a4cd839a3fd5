"""The page of a data set: its boards, curves of every run, and decisions at any threshold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.contracts import NORMAL
from bench.interval_text import interval_text
from bench.records.record import Metrics
from bench.report.boards import ShownBoard, text_of
from bench.report.pages import write_page
from bench.report.shown import ShownGroup, ShownRun
from bench.report.verdicts import threshold_of


def write_dataset_page(site: Path, group: ShownGroup, boards: Sequence[ShownBoard]) -> None:
    """``data/<slug>.html``."""
    write_page(
        site,
        f"data/{group.group.slug}.html",
        "dataset.html",
        group=group,
        boards=boards,
        text_of=text_of,
        curves=curves(group),
        interval=interval_text,
    )


def curves(group: ShownGroup) -> dict[str, Any]:
    """What the curves are drawn from: sorted scores, exact to the last digit.

    ``pooled`` says whether all anomalous images may be put together; where the data set's own figure is a mean over the
    kinds they never are, and a curve belongs to one kind.
    """
    return {"pooled": not _averages(group.runs[0]), "runs": [_scores(shown) for shown in group.runs]}


def _averages(shown: ShownRun) -> bool:
    return _metrics(shown).is_mean_of_kinds


def _scores(shown: ShownRun) -> dict[str, Any]:
    scores, labels = shown.run.score, shown.run.labels
    kinds = shown.run.scores["kind"].to_numpy(dtype=str)
    anomalous = labels != NORMAL
    return {
        "name": shown.name,
        "page": f"../runs/{shown.slug}.html",
        "marks": shown.marks,
        "auroc": _metrics(shown).score.auroc,
        "threshold": threshold_of(shown.run),
        "quantile": _metrics(shown).threshold_quantile,
        "normal": np.sort(scores[~anomalous]).tolist(),
        "kinds": {
            str(kind): np.sort(scores[anomalous & (kinds == kind)]).tolist() for kind in np.unique(kinds[anomalous])
        },
    }


def _metrics(shown: ShownRun) -> Metrics:
    assert shown.run.record.metrics  # only finished runs are shown
    return shown.run.record.metrics
