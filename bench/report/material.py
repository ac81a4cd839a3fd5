"""The test images of a group of runs, found again on this machine: the very ones that were scored, or none."""

from __future__ import annotations

from dataclasses import dataclass

from bench.data.opening import OpenedDataset
from bench.data.roots import Roots, root_of
from bench.errors import DataError
from bench.records.record import Record
from bench.records.reopening import reopened

_REMEDY = "To show them, build the report again with --data-root DIR."


@dataclass(frozen=True)
class Material:
    """The opened data set, or why there are no images to show."""

    data: OpenedDataset | None
    missing: str = ""
    """For the pages, which may be published: no folder is named."""
    mistyped: str = ""
    """For the terminal: that the folder which was given is not there."""


LEFT_OUT = Material(None, "Images were left out of this report on request.")


def find_material(record: Record, data_root: Roots) -> Material:
    """Look where ``reopened`` does; nothing is raised, for the figures stand without images."""
    try:
        return Material(reopened(record, data_root))
    except DataError as error:
        given = root_of(data_root, record.spec.dataset)
        mistyped = f" There is no folder {given}." if given and not given.exists() else ""
        return Material(None, f"{str(error).splitlines()[0]} {_REMEDY}", mistyped)
