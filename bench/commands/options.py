"""Options that several commands share: the same name and the same meaning everywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bench.data.roots import DataRoots

DataRoot = Annotated[
    list[str] | None,
    typer.Option(
        help="Folder of the data, or NAME=DIR for each data set. Default: $BENCH_DATA, then the user's cache."
    ),
]
DataOfRuns = Annotated[
    list[str] | None,
    typer.Option(
        "--data-root",
        help="Folder of the data, or NAME=DIR for each data set."
        " Default: where the run had them, then $BENCH_DATA, then the user's cache.",
    ),
]
"""Of commands that open the data behind a record again."""
Results = Annotated[Path, typer.Option(help="Folder of the records.")]
Plugins = Annotated[
    Path | None, typer.Option(help="Folder whose methods/ and datasets/ are used too; runs their code.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, an object a line; else standard error.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value or plugin.key=value; see: bench list NAME.")]


def use_plugins(folder: Path | None) -> None:
    """Add a folder of methods and data sets; raises ``ConfigError`` where there is none."""
    if folder is None:
        return
    import bench.plugins
    from bench.errors import ConfigError

    if not folder.is_dir():
        raise ConfigError(f"Expected a folder after --plugins, found nothing at {folder}.")
    bench.plugins.add_folder(folder)


def prints_on_stderr() -> AbstractContextManager[object]:
    """While code of plug-ins runs: what it prints must not stand among our answer on standard output."""
    return redirect_stdout(sys.stderr)


def data_roots(given: Sequence[str] | None) -> DataRoots | None:
    """``DIR`` and ``mnist=DIR``, as often as given; raises ``ConfigError`` for unknown data sets."""
    from bench.data.roots import DataRoots

    return DataRoots.parse(given) if given else None


def print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """One object on each line."""
    for row in rows:
        print(json.dumps(row))


def names(text: str) -> list[str]:
    """``a, b,a`` as ``[a, b]``."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def whole_numbers(text: str, option: str) -> list[int]:
    """``0,1,2`` as numbers; raises ``ConfigError`` naming the option."""
    from bench.errors import ConfigError

    try:
        return [int(number) for number in names(text)]
    except ValueError:
        raise ConfigError(f"Expected whole numbers after {option}, such as 0,1,2; found '{text}'.") from None
