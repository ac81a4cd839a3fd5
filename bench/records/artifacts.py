"""Files beside a record: the split, the scores, the training curve, and what was measured of defects and images."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.contracts import Sample, Split
from bench.images import manifest
from bench.metrics.pixel_results import DefectRow, ImageRow, Measurement
from bench.records.record import Columns

if TYPE_CHECKING:
    import pandas as pd


def write_split(folder: Path, split: Split) -> None:
    """``split.csv``: its SHA-256 is the fingerprint of the data in the run's key."""
    (folder / "split.csv").write_text(manifest(split), encoding="utf-8", newline="")


def write_scores(folder: Path, split: Split, scores: Mapping[str, Columns]) -> None:
    """``scores.parquet``: id, label, kind, group and every score of each image of each part in ``scores``."""
    import pandas as pd

    frames = [pd.DataFrame(_score_rows(split.parts()[part], part, columns)) for part, columns in scores.items()]
    write_score_table(folder, pd.concat(frames, ignore_index=True))


def write_score_table(folder: Path, rows: pd.DataFrame) -> None:
    """``scores.parquet``, without loss; the bytes of numbers lie apart by place, which packs best."""
    numbers = [name for name in rows if rows[name].dtype == np.float64]
    words = [name for name in rows if name not in (*numbers, "id")]
    rows.to_parquet(
        folder / "scores.parquet",
        index=False,
        compression="zstd",
        compression_level=19,
        use_dictionary=words,
        column_encoding={"id": "DELTA_BYTE_ARRAY", **dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")},
    )


def _score_rows(samples: Sequence[Sample], part: str, columns: Columns) -> dict[str, Any]:
    facts = {name: [getattr(sample, name) for sample in samples] for name in ("id", "label", "kind", "group")}
    return {"part": [part] * len(samples), **facts, **columns}


def write_codes(folder: Path, codes: NDArray[np.float32] | None) -> None:
    """``codes.npy``: ``(n, d)``, a row for each test image in the order of ``scores.parquet``; none without codes."""
    if codes is not None:
        np.save(folder / "codes.npy", codes, allow_pickle=False)


def write_training(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """``training.csv``: what the training loops logged."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "training.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)


def write_measurement(folder: Path, ids: Sequence[str], measurement: Measurement | None) -> None:
    """``defects.parquet`` and ``pixels.parquet``: a row for each defect and for each anomalous image, if measured.

    ``ids``: of the images that were measured.
    """
    if measurement is None:
        return
    _table(measurement.defects, ids).to_parquet(folder / "defects.parquet", index=False)
    _table(measurement.images, ids).to_parquet(folder / "pixels.parquet", index=False)


def _table(rows: Sequence[DefectRow] | Sequence[ImageRow], ids: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    flat = []
    for row in rows:
        values = asdict(row)
        areas = {f"au_spro@{limit}": area for limit, area in values.pop("au_spro").items()}
        flat.append({"id": ids[values.pop("image")], **values, **areas})
    return pd.DataFrame(flat)
