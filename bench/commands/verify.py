"""``bench verify``: parse, call one function, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import Debug, Json, Plugins, print_json, use_plugins


def verify(
    folder: Annotated[
        Path, typer.Argument(help="Folder of records, or one whose measured/ holds them and which holds their boards.")
    ] = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check stored results: checksums, every figure computed again from its scores, boards written again.

    Ends with 1 where anything differs. Figures of maps are held to their checksums alone: records need not keep maps.

    Example: bench verify results
    """
    from bench.progress import reporter
    from bench.tables import show
    from bench.verification import verify as verified
    from bench.verification.report import report

    use_plugins(plugins)
    found = verified(folder, reporter())
    if as_json:
        print_json([found.as_dict()])
    else:
        show(report(found))
    raise typer.Exit(int(bool(found.findings)))
