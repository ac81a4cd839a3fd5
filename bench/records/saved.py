"""Runs as they lie on disk, for everything that is computed or drawn from records: no torch, no model, no data set.

A file is read only after its SHA-256 was found to be the one in the record: a figure is never drawn from scores that
were edited, cut off or mixed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.errors import ConfigError, StoreError, unknown_name
from bench.files import content_digest
from bench.metrics.ranking import IntArray
from bench.records.pictures import MAPS, REDRAWN, StoredPictures
from bench.records.record import SCORE, Columns, Metrics, Record
from bench.records.store import RecordStore

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FACTS = ("part", "id", "label", "kind", "group")


@dataclass(frozen=True)
class SavedRun:
    """One record and the files beside it."""

    record: Record

    @property
    def name(self) -> str:
        """``fanogan on mnist:1, seed 0``."""
        spec = self.record.spec
        return f"{spec.method} on {spec.dataset_label}, seed {spec.seed}"

    @property
    def metrics(self) -> Metrics:
        """What was measured; every finished run has it."""
        if self.record.metrics is None:
            raise StoreError(f"{self.record.folder} is said to be done and holds no metrics. {_AGAIN}")
        return self.record.metrics

    def file(self, name: str) -> Path:
        """A file that the record names, unchanged since; raises ``StoreError`` otherwise."""
        path, expected = self.record.folder / name, self.record.files.get(name)
        if expected is None or not path.is_file():
            raise StoreError(f"{self.record.folder} holds no {name}. {_AGAIN}")
        if content_digest(path) != expected:
            raise StoreError(f"{path} was changed after the run: its SHA-256 is not the record's. {_AGAIN}")
        return path

    def has(self, name: str) -> bool:
        """Whether the run left that file."""
        return name in self.record.files

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for each test image: id, label, kind, group, and every score."""
        return self._part("test")

    @cached_property
    def validation(self) -> pd.DataFrame:
        """The same for the normal validation images."""
        return self._part("val")

    def _part(self, part: str) -> pd.DataFrame:
        import pyarrow.compute as pc

        table = self._score_table()
        rows: pd.DataFrame = table.filter(pc.equal(table["part"], part)).drop_columns("part").to_pandas()
        return rows

    def _score_table(self) -> pa.Table:
        """As Arrow holds it: rows are chosen before it becomes a frame, and one file is read as such, not as a data set
        of several: both matter where a board reads hundreds.
        """
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.file("scores.parquet")) as file:
            return file.read()

    @property
    def all_scores(self) -> pd.DataFrame:
        """``scores.parquet`` as it is: ``part`` says whether a row is of a validation or a test image."""
        rows: pd.DataFrame = self._score_table().to_pandas()
        return rows

    @cached_property
    def labels(self) -> IntArray:
        """``(n,)``: 0 normal, 1 anomalous."""
        return self.scores["label"].to_numpy(dtype=np.int64)

    @cached_property
    def groups(self) -> list[str | None]:
        """What must not be torn apart when test images are drawn again."""
        return [None if group is None or group != group else str(group) for group in self.scores["group"]]

    @cached_property
    def columns(self) -> Columns:
        """Score and parts of the test images by name, ``(n,)`` each."""
        names = [name for name in self.scores.columns if name not in _FACTS]
        return {name: self.scores[name].to_numpy(dtype=np.float64) for name in names}

    @property
    def score(self) -> NDArray[np.float64]:
        """The method's own answer, ``(n,)``."""
        return self.columns[SCORE]

    def table(self, name: str) -> pd.DataFrame | None:
        """``defects`` or ``pixels``: what was measured of each defect or anomalous image; ``None`` without masks."""
        import pandas as pd

        return pd.read_parquet(self.file(f"{name}.parquet")) if self.has(f"{name}.parquet") else None

    @cached_property
    def training(self) -> pd.DataFrame:
        """What the training loops logged, a row for each look; empty where nothing was trained, or no log was kept."""
        import pandas as pd

        if not self.has("training.csv"):
            return pd.DataFrame()
        file = self.file("training.csv")
        return pd.read_csv(file) if file.stat().st_size > len("\r\n") else pd.DataFrame()

    @cached_property
    def codes(self) -> NDArray[np.float32] | None:
        """``(n, d)``: where each test image lies in the method's latent space."""
        return np.load(self.file("codes.npy")) if self.has("codes.npy") else None

    @cached_property
    def maps(self) -> StoredPictures | None:
        """Anomaly maps of the test images."""
        return self._pictures(MAPS)

    @cached_property
    def redrawn(self) -> StoredPictures | None:
        """The normal images that the test images were held against."""
        return self._pictures(REDRAWN)

    def _pictures(self, name: str) -> StoredPictures | None:
        for file in self.record.files:
            if file.startswith(f"{name}/"):
                self.file(file)
        return StoredPictures.open(self.record.folder / name)


_AGAIN = "Repeat the run with --force, or bring the file back."


def finished(store: RecordStore, on_damage: Callable[[StoreError], None] | None = None) -> list[SavedRun]:
    """Every finished run; raises ``ConfigError`` where there is none yet.

    ``on_damage`` is told of records that cannot be read, which are then left out; without it they raise ``StoreError``.
    """
    return finished_of(store, store.records(on_damage))


def finished_of(store: RecordStore, records: Iterable[Record]) -> list[SavedRun]:
    """The finished ones of the store's ``records``; raises ``ConfigError`` where there is none yet."""
    runs = [SavedRun(record) for record in records if record.status == "done"]
    if not runs:
        raise ConfigError(
            f"No finished run in {store.root}. Begin with: bench run --method fanogan --dataset oct-phantom"
            + (f" --results {store.root}" if str(store.root) != "results" else "")
        )
    return runs


def of_dataset(runs: Sequence[SavedRun], text: str) -> list[SavedRun]:
    """Runs on ``mnist:1``, or on any category of ``mnist``; raises ``ConfigError`` with the nearest names."""
    found = [run for run in runs if text in (run.record.spec.dataset_label, run.record.spec.dataset)]
    if not found:
        known = {name for run in runs for name in (run.record.spec.dataset_label, run.record.spec.dataset)}
        raise unknown_name(
            "data set in these records", text, known, f"To run it: bench run --method … --dataset {text}"
        )
    return found


def of_methods(runs: Sequence[SavedRun], names: Iterable[str]) -> list[SavedRun]:
    """Runs of these methods, in their order; raises ``ConfigError`` with the nearest names."""
    known = {run.record.spec.method for run in runs}
    for name in names:
        if name not in known:
            raise unknown_name("method in these records", name, known, f"To run it: bench run --method {name} …")
    return [run for name in dict.fromkeys(names) for run in runs if run.record.spec.method == name]
