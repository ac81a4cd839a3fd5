"""Published results, a CSV file: what somebody reported, under which protocol, and whether ours may stand beside it.

The rows name data sets and protocols, this module names none: a row is held against a record of ours only if it lists
the record's protocol. ``results/README.md`` says what the columns mean and where the values come from.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bench.errors import DataError, refuse

Metric = Literal[
    "auroc",
    "pixel_auroc",
    "au_pro@0.3",
    "au_spro@0.01",
    "au_spro@0.05",
    "au_spro@0.1",
    "au_spro@0.3",
    "au_spro@1.0",
    "iou",
]
"""As in ``docs/metrics.md``; the limit is always in the name."""
Aggregation = Literal["mean_of_kinds", "pooled", "not_stated"]
"""How several kinds of anomaly became one figure: as the mean of the figures of each, or all of them tested at once."""

BETWEEN_PROTOCOLS = " | "
PACKAGED = Path(__file__).with_suffix(".csv")
"""Where a wheel carries the rows."""
IN_CHECKOUT = Path(__file__).parents[2] / "results" / "published.csv"
DOCUMENTED = "Values are shares from 0 to 1; results/README.md says what each column holds."


def _blank_is_none(text: object) -> object:
    return None if text == "" else text


def _protocols(text: object) -> object:
    return [name for name in text.split(BETWEEN_PROTOCOLS) if name] if isinstance(text, str) else text


_Blank = BeforeValidator(_blank_is_none)
_Name = Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class PublishedRow(BaseModel):
    """One published figure. Shares, never per cent; an empty cell is ``None`` or an empty text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: _Name
    category: Annotated[str | None, _Blank]
    """``None``: the data set as a whole, which is the mean over its categories where it has any."""
    protocol: _Name
    """In the words of its publication."""
    comparable_with: Annotated[tuple[str, ...], BeforeValidator(_protocols)]
    """Protocols of our records that the figure may be held against."""
    kind: Annotated[str | None, _Blank]
    """The only kind of anomaly that was tested on; ``None`` where ``aggregation`` says what became of all kinds."""
    metric: Metric
    aggregation: Annotated[Aggregation | None, _Blank]
    method: _Name
    our_method: Annotated[str | None, _Blank]
    """Our name of the same method; its settings may differ, and several rows may name it."""
    value: _Share
    sd: Annotated[_Share | None, _Blank]
    """Standard deviation over runs, where it was published."""
    ranked: bool
    """Whether the figure stands in rankings with ours; ``note`` says why not."""
    year: Annotated[int, Field(ge=1990, le=2100)]
    source: _Name
    confidence: Literal["high", "medium"]
    note: str

    @model_validator(mode="after")
    def _is_consistent(self) -> PublishedRow:
        if (self.kind is None) == (self.aggregation is None):
            raise ValueError("expected either a kind or an aggregation of kinds, not both and not none")
        if self.ranked and not self.comparable_with:
            raise ValueError("a ranked row must name the protocols it is comparable_with")
        if not self.ranked and not self.note:
            raise ValueError("a row that is not ranked must say why in its note")
        return self

    @property
    def label(self) -> str:
        """As records name what they were measured on: ``mnist:1``."""
        return f"{self.dataset}:{self.category}" if self.category else self.dataset


COLUMNS = tuple(PublishedRow.model_fields)


def default_file() -> Path:
    """The rows that come with the suite: of the checkout, or of the installed package."""
    return PACKAGED if PACKAGED.is_file() else IN_CHECKOUT


def read(file: Path | None = None) -> list[PublishedRow]:
    """All rows of ``file``, in its order; of ``default_file()`` unless one is given.

    Raises ``DataError`` for a file that cannot be read or has other columns, and listing every damaged line.
    """
    file = file or default_file()
    rows, problems = [], []
    for line, cells in _lines(file):
        try:
            rows.append(_row(cells))
        except ValueError as error:
            problems.append(f"line {line}: {_reason(error)}")
    refuse(problems, f"line(s) of {file} cannot be used", DOCUMENTED)
    return rows


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells below the header; empty lines left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: expected a readable CSV file of published results, found {error}.") from error
    header = tuple(lines[0][1]) if lines else ()
    if header != COLUMNS:
        found = ",".join(header) or "none"
        raise DataError(f"{file}, line 1: expected the columns {','.join(COLUMNS)}; found {found}. {DOCUMENTED}")
    return lines[1:]


def _row(cells: Sequence[str]) -> PublishedRow:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} cells, found {len(cells)}: quote a text that holds a comma")
    return PublishedRow.model_validate(dict(zip(COLUMNS, cells, strict=True)))


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{_column(each['loc'])}{each['msg'].removeprefix('Value error, ')}{_found(each['input'])}"
        for each in error.errors()
    )


def _column(location: tuple[int | str, ...]) -> str:
    return f"{location[0]}: " if location else ""


def _found(value: object) -> str:
    """What stood in the cell; nothing where the whole row is at fault."""
    return f", found '{value}'" if isinstance(value, str) else ""
