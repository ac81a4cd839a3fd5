"""The command line: parse, call one function, print. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import boards, data, maps, plots, report, turing
from bench.commands.options import (
    DataRoot,
    Debug,
    Json,
    Plugins,
    Results,
    Set,
    names,
    print_json,
    use_plugins,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.grid import PlannedRun
    from bench.record import Record

app = typer.Typer(
    help="Compare unsupervised image anomaly detectors under one protocol.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_MOST_REPORTS = 4  # more runs than that are shown by their ranking alone

app.add_typer(data.app, name="data")
app.add_typer(maps.export, name="export")
app.add_typer(plots.app, name="plot")
app.add_typer(turing.app, name="turing")
app.command()(maps.evaluate)
app.command()(boards.leaderboard)
app.command()(boards.compare)
app.command()(report.report)


@app.command()
def run(
    method: Annotated[str, typer.Option(help="Method, or a list: fanogan,izi,ziz.")],
    dataset: Annotated[str, typer.Option(help="Data set, or a list: oct-phantom or mnist:0,mnist:1 or mnist:all.")],
    data_root: DataRoot = None,
    seeds: Annotated[str, typer.Option(help="Seed, or a list: 0,1,2.")] = "0",
    preset: Annotated[
        str | None, typer.Option(help="quick, standard or paper. Default: standard on a GPU, else quick.")
    ] = None,
    setting: Set = None,
    view: Annotated[str | None, typer.Option(help="resize:64 or patches:64/32. Default: the data set's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    results: Results = Path("results"),
    plugins: Plugins = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with reasons; run nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Repeat runs that are done; shared stages are kept.")] = False,
    executor: Annotated[str, typer.Option(help="local (several runs: a process each) or serial.")] = "local",
    workers: Annotated[int | None, typer.Option(help="Runs at once. Default: one for each GPU, or one.")] = None,
    timeout: Annotated[str | None, typer.Option(help="Time for each run: 90s, 45m, 2h. Default: no limit.")] = None,
    grace: Annotated[
        str | None, typer.Option(help="Time to write a checkpoint before a run is killed. Default: 30s.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train, score and record every combination of method, data set and seed that is not there yet.

    Example: bench run --method fanogan --dataset oct-phantom
    """
    from bench import api, devices, grid
    from bench.executors import make_executor
    from bench.progress import reporter
    from bench.store import RecordStore

    use_plugins(plugins)
    chosen, progress = devices.resolve_device(device), reporter()
    if preset is None:
        preset = devices.default_preset(chosen)
        if preset == "quick":
            progress.say("No GPU: taking --preset quick, which is for trying out, not for claims.")
    request = grid.Request(
        methods=names(method), datasets=names(dataset), seeds=whole_numbers(seeds, "--seeds"), preset=preset,
        settings=setting or [], view=view, data_root=data_root, force=force,
    )  # fmt: skip
    given = {"workers": workers, "timeout": timeout, "grace": grace}
    options = {name: value for name, value in given.items() if value is not None}
    store = RecordStore(results)
    runs = grid.plan(request, store)
    if dry_run:
        _print_plan(runs, as_json)
        return
    api.require_unblocked(runs)
    to_do = sum(run.is_to_do for run in runs)
    records = grid.execute(runs, store, make_executor(executor, options, device, to_do, progress), progress)
    _print_records(records, as_json)
    raise typer.Exit(_exit_status(records, len(runs)))


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="methods, datasets, or the name of one of them.")],
    name: Annotated[str | None, typer.Argument(help="One of them: bench list methods fanogan.")] = None,
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List methods or data sets; with a name, its parameters with their defaults under each preset.

    Example: bench list methods
    """
    use_plugins(plugins)
    if what in ("methods", "datasets") and name is None:
        _print_entries(what.removesuffix("s"), as_json)
    else:
        _print_parameters(name or what, as_json)


@app.command()
def doctor(
    data_root: DataRoot = None,
    results: Results = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print versions, devices, where data is looked for, and what would stop a run.

    Example: bench doctor
    """
    from dataclasses import asdict

    from bench.doctor import examine
    from bench.tables import findings_report, show

    use_plugins(plugins)
    findings = examine(data_root, results)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        show(findings_report(findings))
    raise typer.Exit(int(any(finding.level == "stops" for finding in findings)))


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="Method: its name in bench list methods.")],
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Hold a method to every promise of the contract: shapes, direction, seeds, weights, no labels; a minute or two.

    Example: bench check zmap --plugins DIR
    """
    from bench.conformance import examine
    from bench.conformance.report import findings_table
    from bench.progress import reporter
    from bench.tables import show

    use_plugins(plugins)
    findings = examine(method, reporter(), debug)
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        show(findings_table(method, findings))
    raise typer.Exit(int(any(finding.state == "failed" for finding in findings)))


def _print_plan(runs: Sequence[PlannedRun], as_json: bool) -> None:
    from bench.tables import plan_report, show

    if as_json:
        print_json([run.as_dict() for run in runs])
    else:
        show(plan_report(runs))


def _print_records(records: Sequence[Record], as_json: bool) -> None:
    from bench.board_formats.terminal import report
    from bench.leaderboard import after_a_run
    from bench.tables import record_report, show

    if as_json:
        for record in records:
            print(record.model_dump_json())
        return
    reports = [record_report(record) for record in records] if len(records) < _MOST_REPORTS else []
    if len(records) > 1:
        reports += [report(board) for board in after_a_run(records)]
    for each in reports:
        print()
        show(each)
    if not reports or len(records) >= _MOST_REPORTS:
        show(f"records     {records[0].folder.parents[2]}" if records else "nothing was run")


def _exit_status(records: Sequence[Record], runs: int) -> int:
    states = [record.status for record in records]
    if "interrupted" in states:
        return 130
    return int(len(states) < runs or set(states) != {"done"})


def _print_entries(kind: str, as_json: bool) -> None:
    from bench import registry
    from bench.tables import entries_report, show

    entries = list(registry.entries("method" if kind == "method" else "dataset").values())
    if as_json:
        print_json([entry.as_dict() for entry in entries])
    else:
        show(entries_report(entries))


def _print_parameters(name: str, as_json: bool) -> None:
    from bench import registry
    from bench.tables import parameters_report, show

    parameters = registry.parameters_of(name)
    if as_json:
        print_json(parameters)
    else:
        show(parameters_report(name, parameters, registry.published_of(name)))


def main() -> None:
    """Entry point: errors of ours become one message and an exit status, without a traceback unless ``--debug``."""
    from bench.errors import BenchError

    try:
        app()
    except BenchError as error:
        if "--debug" in sys.argv:
            raise
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        sys.exit(130)
