"""``bench report``: records as a static web site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import DataOfRuns, Debug, Plugins, Results, data_roots, use_plugins


def report(
    out: Annotated[Path, typer.Option(help="Folder to write to; an earlier report in it is replaced.")],
    dataset: Annotated[str | None, typer.Option(help="Only runs on this data set: mnist or mnist:1.")] = None,
    data_root: DataOfRuns = None,
    pictures: Annotated[
        int, typer.Option(min=0, help="Test images of a data set shown as small copies; 0: no picture of any kind.")
    ] = 2000,
    results: Results = Path("results"),
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Write a web site of all finished runs that opens from disk: boards, curves, heat maps, runs side by side.

    Example: bench report --out report
    """
    from bench.progress import reporter
    from bench.records.store import RecordStore
    from bench.report.selection import select
    from bench.report.site import build_report

    use_plugins(plugins)
    progress = reporter()
    print(build_report(select(RecordStore(results), dataset, progress), out, data_roots(data_root), progress, pictures))
