"""What must hold once the same grid was run again to the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml
from safetensors import safe_open

from bench.files import content_digest
from bench.records.record import Record

from .grid import TinyGrid

Scores = Mapping[str, pd.DataFrame]


def scores_of(records: list[Record]) -> dict[str, pd.DataFrame]:
    """Every score of every image, by the run's key."""
    return {record.key: pd.read_parquet(record.folder / "scores.parquet") for record in records}


def check_records(grid: TinyGrid, expected: Scores) -> None:
    """Every record once, whole, and with the scores of an undisturbed run."""
    records = [grid.record_at(file) for file in grid.expected_files()]
    assert sorted(record.key for record in records) == sorted(expected)
    assert {record.status for record in records} == {"done"}
    for record in records:
        assert {name: content_digest(record.folder / name) for name in record.files} == record.files
    for key, frame in scores_of(records).items():
        pd.testing.assert_frame_equal(frame, expected[key], check_exact=True)


def check_folders(grid: TinyGrid) -> None:
    """Nothing half-written, no claim, nothing that cannot be read."""
    everything = [path for path in [*grid.results.rglob("*"), *grid.cache.rglob("*")] if not _is_kept(path, grid)]
    assert [path for path in everything if path.name.startswith(".")] == []
    assert [path for path in everything if path.suffix in (".claim", ".tmp", ".checkpoint")] == []
    assert [path for folder in grid.results.glob("work/*/") for path in folder.iterdir()] == []
    assert list(grid.results.glob("jobs/*")) == []
    for path in everything:
        if path.is_file():
            _read(path)


def _is_kept(path: Path, grid: TinyGrid) -> bool:
    """Whether it was damaged, and lies where such things are kept."""
    return path.is_relative_to(grid.results / "damaged")


def _read(path: Path) -> None:
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".parquet":
        pd.read_parquet(path)
    elif path.suffix == ".yaml":
        yaml.safe_load(path.read_text())
    elif path.suffix == ".safetensors":
        with safe_open(path, "np") as weights:
            assert list(weights.keys())
