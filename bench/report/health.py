"""Training health of a run: the pictures it left and the curves it logged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.records.saved import SavedRun

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 400  # of a curve: more than a screen has columns for
_NO_CURVE = ("stage", "step", "seconds")


def copy_pictures(run: SavedRun, folder: Path) -> dict[str, str]:
    """Title and file of each picture the run drew; files get names of our own, whatever the record calls them."""
    names = sorted(name for name in run.record.files if name.endswith(".png") and name != "training.png")
    copies = {}
    for number, name in enumerate(names):
        folder.mkdir(parents=True, exist_ok=True)
        copies[Path(name).stem.replace("_", " ")] = f"health-{number}.png"
        shutil.copyfile(run.file(name), folder / f"health-{number}.png")
    return copies


def curves(run: SavedRun) -> list[dict[str, Any]]:
    """``{"title", "x", "y"}`` of everything that was logged while training, thinned evenly."""
    return [] if run.training.empty else list(_curves(run.training))


def _curves(log: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for stage, rows in log.groupby("stage", sort=False):
        for name in (column for column in rows.columns if column not in _NO_CURVE):
            known = rows[["step", name]].dropna()
            if len(known) > 1:
                kept = np.unique(np.linspace(0, len(known) - 1, min(len(known), _POINTS)).round().astype(int))
                points = known.iloc[kept]
                title = f"{stage}: {str(name).replace('_', ' ')}"
                yield {"title": title, "x": points["step"].tolist(), "y": points[name].tolist()}
