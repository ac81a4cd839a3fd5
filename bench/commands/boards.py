"""``bench leaderboard`` and ``bench compare``: parse, call one function, print. Neither needs torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import Debug, Json, Plugins, Results, print_json, use_plugins

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bench.boards.leaderboard import Known

_METRIC = "Metric: auroc, average_precision, fpr_at_95_tpr, au_spro@0.05, iou …"
Preset = Annotated[str | None, typer.Option(help="Only runs of this preset. Default: a board for each.")]
NoPublished = Annotated[bool, typer.Option("--no-published", help="Leave published results out.")]


def leaderboard(
    dataset: Annotated[
        str | None, typer.Option(help="Data set: mnist:1, mnist (mean over its categories) or mnist:all (each).")
    ] = None,
    metric: Annotated[str | None, typer.Option(help=f"{_METRIC} Default: auroc.")] = None,
    preset: Preset = None,
    format_: Annotated[
        str, typer.Option("--format", help="terminal, markdown, latex, csv, json or html.")
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option(help="File to write; with --all, folder. Default: standard output.")
    ] = None,
    all_: Annotated[
        bool,
        typer.Option("--all", help="Every data set that was run or published: a .md and a .csv file of each in --out."),
    ] = False,
    no_published: NoPublished = False,
    timing: Annotated[bool, typer.Option("--timing", help="What methods cost, as bench time measured it.")] = False,
    results: Results = Path("results"),
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Rank our runs and published results, from saved records: a board for each set of terms that may be compared.

    Several metrics, --metric au_spro@0.05,auroc: the first ranks, the others stand beside it.

    Example: bench leaderboard --dataset mvtec-loco --metric au_spro@0.05
    """
    from bench.board_formats import writer
    from bench.board_formats.requests import boards_requested, write_all
    from bench.board_formats.terminal import report
    from bench.boards.measures import parse_measures
    from bench.progress import reporter

    use_plugins(plugins)
    if timing:
        _refuse_beside_timing({"--metric": metric, "--all": all_, "--no-published": no_published})
        _timings(results, dataset, preset, format_, out)
        return
    measures, write = parse_measures(metric or "auroc"), writer(format_)
    known = _known(results, no_published)
    if all_:
        for file in write_all(known, measures, preset, out, dataset, reporter().say):
            print(file)
        return
    boards = boards_requested(known, dataset, measures, preset, reporter().say)
    _write_or_show(lambda: write(boards), map(report, boards), format_, out)


def compare(
    methods: Annotated[list[str], typer.Argument(help="Two or more methods, named as on the leaderboard.")],
    dataset: Annotated[str, typer.Option(help="Data set, or a list: mnist:1 or mnist:all or lag,resc.")],
    metric: Annotated[str, typer.Option(help=_METRIC)] = "auroc",
    preset: Preset = None,
    results: Results = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare methods in pairs on the same images: difference, interval, p-value adjusted after Holm.

    Over several data sets, average ranks and the critical difference too.

    Example: bench compare fanogan pca knn --dataset oct-phantom
    """
    from bench.board_formats.comparisons import comparison_report
    from bench.boards.comparison import compare as compared
    from bench.boards.measures import parse_measures
    from bench.tables import show

    use_plugins(plugins)
    found = compared(_known(results, no_published=True), methods, dataset, parse_measures(metric), preset)
    if as_json:
        print_json([found.as_dict()])
    else:
        show(comparison_report(found))


def _refuse_beside_timing(options: Mapping[str, object]) -> None:
    from bench.errors import ConfigError

    if given := [name for name, value in options.items() if value]:
        raise ConfigError(
            "Expected beside --timing none but --dataset, --preset, --format, --out and --results,"
            f" found {', '.join(given)}. Leave it out: timings have no metric and no published rows."
        )


def _timings(results: Path, dataset: str | None, preset: str | None, format_: str, out: Path | None) -> None:
    from bench.timing.formats import writer
    from bench.timing.lookup import boards
    from bench.timing.tables import report

    write, found = writer(format_), boards(results, dataset, preset)
    _write_or_show(lambda: write(found), map(report, found), format_, out)


def _write_or_show(write: Callable[[], str], reports: Iterable[RenderableType], format_: str, out: Path | None) -> None:
    """``reports`` are what a terminal shows in colours; ``write`` gives the same as text in the format."""
    from bench.tables import show
    from bench.writing import write_output

    if out:
        write_output(out, write())
    elif format_ == "terminal":
        for report in reports:
            show(report)
            print()
    else:
        print(write(), end="")


def _known(results: Path, no_published: bool) -> Known:
    """Records that cannot be read are named on standard error and do not hide the others."""
    from bench.boards.leaderboard import Known
    from bench.progress import reporter
    from bench.records.store import RecordStore

    progress = reporter()
    return Known.read(RecordStore(results), not no_published, lambda error: progress.say(f"left out: {error}"))
