"""A drawn figure as a file, and its numbers as CSV beside it; the same request gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from bench.errors import ConfigError
from bench.plots.style import Width, look_of
from bench.writing import replace_file, writing_output

# No dates: the file is then the same whenever it is drawn from the same records with the same packages.
_METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None, "ModDate": None},
    ".svg": {"Date": None},
    ".png": {},
}


@dataclass(frozen=True)
class Drawing:
    """A figure and the numbers in it."""

    figure: Figure
    data: pd.DataFrame


def require_writable_kind(out: Path) -> None:
    """Raise ``ConfigError`` unless the file is to be a PDF, SVG or PNG; to be called before anything is computed."""
    if out.suffix.lower() not in _METADATA:
        raise ConfigError(f"Expected --out to end in {', '.join(_METADATA)}; found '{out}'.")


def save(drawing: Drawing, out: Path, width: Width) -> tuple[Path, Path]:
    """Write the figure and ``<out without suffix>.csv``; returns both, or raises ``StoreError``."""
    require_writable_kind(out)
    suffix = out.suffix.lower()
    table = out.with_suffix(".csv")
    with writing_output(out), look_of(width), replace_file(out) as temporary:
        drawing.figure.savefig(temporary, format=suffix[1:], metadata=_METADATA[suffix])
    with writing_output(table), replace_file(table) as temporary:
        drawing.data.to_csv(temporary, index=False, lineterminator="\n")
    return out, table
