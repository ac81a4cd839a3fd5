"""What a leaderboard is, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Bounds:
    """How far a figure may be trusted; without ``low`` and ``high``, ``missing`` says why."""

    low: float | None
    high: float | None
    kind: Literal["interval", "range"]
    """``interval``: 95 % confidence. ``range``: lowest and highest of the seeds, no confidence claimed."""
    method: str
    missing: str | None = None


@dataclass(frozen=True)
class Cell:
    """One figure of one row."""

    value: float
    bounds: Bounds | None = None
    sd: float | None = None
    """Standard deviation over runs, where it was published."""


@dataclass(frozen=True)
class Column:
    """One figure that rows have: shares from 0 to 1, or seconds."""

    key: str
    title: str
    role: Literal["ranked", "kind", "category", "beside"]
    """``ranked``: the rank is from it. ``kind``, ``category``: what it is the mean of. ``beside``: another figure."""
    higher_is_better: bool = True
    unit: Literal["share", "s", "ms"] = "share"


@dataclass(frozen=True)
class Measured:
    """Where a row of ours comes from."""

    view: str
    settings: dict[str, Any]
    """Parameters that differ from the preset's."""
    seeds: tuple[int, ...]
    keys: tuple[str, ...]
    """Of the records."""
    trivial: bool
    below_line: bool = False
    """Whether a trivial baseline does better."""
    fewest_seeds: int = 1
    """Of any category: some may have fewer than others."""
    caveat: str = ""
    """What the method says of itself that a reader must know."""


@dataclass(frozen=True)
class Reported:
    """Where a published row comes from."""

    source: str
    year: int
    confidence: str
    note: str
    our_method: str | None


@dataclass(frozen=True)
class Row:
    """One method: measured here or published."""

    name: str
    """With the parameters that tell it apart."""
    method: str
    origin: Measured | Reported
    cells: dict[str, Cell]
    """By ``Column.key``; a figure that is not there has no cell."""
    rank: int | None = None
    unranked: str | None = None
    """Why it has no rank."""
    best: bool = False
    tied: bool = False
    """Whether a paired comparison does not separate it from the best row measured here."""


@dataclass(frozen=True)
class Counts:
    """Test images, the fewest and the most of the categories."""

    normal: tuple[int, int]
    anomalous: tuple[int, int]
    groups: tuple[int, int] | None


@dataclass(frozen=True)
class Footer:
    """What a reader must know of a board."""

    counts: Counts | None = None
    group: str = "group"
    categories: tuple[str, ...] = ()
    """What the figures are means over."""
    versions: tuple[str, ...] = ()
    line: str | None = None
    """The best trivial baseline: what a method has to beat."""
    line_value: float | None = None
    reference: str | None = None
    """The best row measured here, which the others measured here were compared with."""
    comparison: str | None = None
    """How."""
    untested: Mapping[str, str] = field(default_factory=dict)
    """Rows that could not be compared with it, and why."""
    older: int = 0
    """Runs of older code of a configuration that has newer ones."""
    other_data: int = 0
    """Runs on other files of a category than the newest run's."""
    without: tuple[str, ...] = ()
    """Rows that do not have the figure."""
    failed: tuple[str, ...] = ()
    """Runs without a result, with the reason."""
    unmatched: int = 0
    """Published figures of this data set and metric under other protocols."""


@dataclass(frozen=True)
class Board:
    """One ranking: everything on it may be compared."""

    dataset: str
    """``mnist:1``, or ``mnist`` for the mean over its categories."""
    protocol: str
    protocol_version: int | None
    """``None`` where nothing was measured here."""
    preset: str | None
    marks: tuple[str, ...]
    aggregation: Literal["mean_of_kinds", "pooled"]
    dataset_params: dict[str, Any]
    data: dict[str, str]
    """Fingerprint of the test and training files, by category."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footer: Footer

    @property
    def ranked(self) -> Column:
        """The column that ranks."""
        return self.columns[0]

    @property
    def is_published_only(self) -> bool:
        return self.preset is None
