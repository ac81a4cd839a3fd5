"""The test images of a group of runs, found again on this machine: the very ones that were scored, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.data.opening import OpenedDataset, open_dataset
from bench.data.roots import Roots, root_of
from bench.errors import BenchError
from bench.records.record import Record

_REMEDY = "To show them, build the report again with --data-root DIR."


@dataclass(frozen=True)
class Material:
    """The opened data set, or why there are no images to show."""

    data: OpenedDataset | None
    missing: str = ""


LEFT_OUT = Material(None, "Images were left out of this report on request.")


def find_material(record: Record, data_root: Roots) -> Material:
    """Look at ``data_root``, then in the usual places, then where the run found them; nothing is raised."""
    reasons = []
    for place in dict.fromkeys(_places(record, data_root)):
        found = _open(record, place)
        if found.data:
            return found
        reasons.append(found.missing)
    return Material(None, f"{reasons[0]} {_REMEDY}")


def _places(record: Record, data_root: Roots) -> Iterator[Path | None]:
    yield root_of(data_root, record.spec.dataset)
    yield None
    if recorded := record.provenance.get("data_root"):
        yield Path(recorded)


def _open(record: Record, place: Path | None) -> Material:
    spec = record.spec
    try:
        data = open_dataset(spec.dataset, spec.category, spec.dataset_params, place)
    except BenchError as error:  # whatever is wrong with the data or their plug-in, the figures stand
        return Material(None, str(error).splitlines()[0])
    if data.fingerprint != spec.data:
        return Material(None, "The images found on this machine are not those that were scored.")
    return Material(data)
