"""``bench evaluate`` and ``bench export``: maps from elsewhere under our referee; ours, and records, for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import (
    DataRoot,
    Debug,
    Json,
    Plugins,
    Results,
    Set,
    data_roots,
    names,
    print_json,
    use_plugins,
)

export = typer.Typer(help="Write parts of a run for other programs.", no_args_is_help=True)


def evaluate(
    dataset: Annotated[str, typer.Option(help="Data set, with its category: mvtec-loco:breakfast_box.")],
    maps: Annotated[Path, typer.Option(help="Folder of the maps: <maps>/<category>/test/<kind>/<stem>.tiff or .npy.")],
    data_root: DataRoot = None,
    scores: Annotated[
        Path | None, typer.Option(help="CSV with the columns id,score. Default: the highest value of each map.")
    ] = None,
    save: Annotated[str | None, typer.Option(help="Keep the result as a record of a method of this name.")] = None,
    setting: Set = None,
    results: Results = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure your own anomaly maps, of the size of the images, with every metric.

    Example: bench evaluate --dataset mvtec-loco:breakfast_box --data-root DIR --maps DIR
    """
    from bench.data.requests import opened
    from bench.judging.own_maps import measure_own_maps
    from bench.progress import reporter
    from bench.records.store import RecordStore
    from bench.records.summary import summary
    from bench.tables import record_report, show

    use_plugins(plugins)
    progress = reporter()
    for data in opened(dataset, data_roots(data_root), setting or []):
        own = measure_own_maps(data, maps, scores, save, progress)
        record = own.save(RecordStore(results)) if save else own.record
        if as_json:
            print_json([summary(record)])
        else:
            show(record_report(record))


@export.command("maps")
def export_maps(
    run: Annotated[str, typer.Argument(help="Folder of a record, or the beginning of its key.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Write a run's maps at native size as float64 TIFF, laid out for MVTec's evaluator, and its scores as CSV.

    Example: bench export maps 8b05c56b --out maps
    """
    from bench.progress import reporter
    from bench.records import export as exporting
    from bench.records.store import RecordStore

    record = exporting.find_run(run, RecordStore(results))
    scores = exporting.export_maps(record, out, reporter())
    print(exporting.evaluation_command(record, out, scores))


@export.command("records")
def export_records(
    out: Annotated[Path, typer.Option(help="Folder to write to: a results folder of its own.")],
    dataset: Annotated[str | None, typer.Option(help="Data set, or a list: mnist:1,oct. Default: all.")] = None,
    without_parts: Annotated[
        bool, typer.Option("--without-parts", help="The answer of each method alone; for many test images.")
    ] = False,
    results: Results = Path("results"),
    debug: Debug = False,
) -> None:
    """Copy finished records with their scores, small enough to be published with a paper.

    Example: bench export records --out supplement
    """
    from bench.progress import reporter
    from bench.records import export as exporting
    from bench.records.store import RecordStore

    chosen, progress = names(dataset or ""), reporter()
    copies = exporting.export_records(
        RecordStore(results), out, chosen, without_parts, lambda error: progress.say(f"left out: {error}")
    )
    exported = list(copies)
    print(f"{len(exported)} records in {out}; bench leaderboard --dataset {exported[0].spec.dataset} --results {out}")
