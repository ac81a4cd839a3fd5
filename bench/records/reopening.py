"""The data set behind a record, opened again: for whatever shows its images or needs its annotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.data.opening import OpenedDataset, open_dataset
from bench.data.roots import Roots, root_of
from bench.errors import BenchError, DataError
from bench.records.record import Record
from bench.records.saved import SavedRun


def reopened(record: Record, data_root: Roots) -> OpenedDataset:
    """The very images that the run saw: looked for in ``data_root``, where the run had them, and in the usual places.

    Raises ``DataError``, whose first line names no folder, where none of these holds them.
    """
    faults = []
    for place in dict.fromkeys(_places(record, data_root)):
        try:
            return _opened(record, place)
        except BenchError as fault:  # whatever is wrong with the data there, or with their plug-in
            faults.append(fault)
    raise DataError(
        f"The images of {SavedRun(record).name} are no part of its record, and were not found again. {faults[0]}\n"
        "If they lie elsewhere now: --data-root DIR. If they are gone, repeat the run: bench run …"
    ) from faults[0]


def _places(record: Record, data_root: Roots) -> Iterator[Path | None]:
    if given := root_of(data_root, record.spec.dataset):
        yield given
    if recorded := record.provenance.get("data_root"):
        yield Path(recorded)
    yield None


def _opened(record: Record, place: Path | None) -> OpenedDataset:
    spec = record.spec
    data = open_dataset(spec.dataset, spec.category, spec.dataset_params, place)
    if data.fingerprint != spec.data:
        raise DataError(
            f"Expected those of fingerprint {spec.data[:12]}, found others, {data.fingerprint[:12]}.\n"
            f"These lie at {data.root or 'no place: they are simulated'}."
        )
    return data
