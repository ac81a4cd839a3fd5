"""The command line: parse, call one function, print. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import boards, data, grid, maps, plots, report, run, timing, turing, verify
from bench.commands.options import (
    DataRoot,
    Debug,
    Json,
    Plugins,
    Results,
    data_roots,
    print_json,
    prints_on_stderr,
    use_plugins,
)

if TYPE_CHECKING:
    from bench.registry import Kind

KINDS: dict[str, Kind] = {"methods": "method", "datasets": "dataset"}
"""What ``bench list`` lists."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data.app, name="data")
app.add_typer(grid.app, name="grid")
app.add_typer(maps.export, name="export")
app.add_typer(plots.app, name="plot")
app.add_typer(turing.app, name="turing")
app.command()(run.run)
app.command()(maps.evaluate)
app.command()(boards.leaderboard)
app.command()(boards.compare)
app.command()(report.report)
app.command()(timing.time)
app.command()(verify.verify)


def _print_version(is_asked: bool) -> None:
    from bench.provenance import git_state, versions

    if is_asked:
        state = git_state()
        where = f", commit {state['commit'][:10]}{' with changes' * state['dirty']}" if state else ""
        print(f"fanogan-bench {versions()['fanogan-bench'] or '(not installed)'}{where}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool, typer.Option("--version", help="Print version and commit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Compare unsupervised image anomaly detectors under one protocol."""


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
    if name is None and what in KINDS:
        _print_entries(KINDS[what], as_json)
    elif name is None:
        _print_parameters(what, as_json)
    else:
        _require_in(what, name)
        _print_parameters(name, as_json)


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
    findings = examine(data_roots(data_root), results)
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
    with prints_on_stderr():
        findings = examine(method, reporter(), debug)
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        show(findings_table(method, findings))
    raise typer.Exit(int(any(finding.state == "failed" for finding in findings)))


def _require_in(what: str, name: str) -> None:
    """Raise ``ConfigError`` unless ``bench list methods fanogan`` names a kind and one of it."""
    from bench import registry
    from bench.errors import unknown_name

    if what not in KINDS:
        raise unknown_name("kind of plug-in", what, KINDS, f"See: bench list {name}.")
    registry.find(KINDS[what], name)


def _print_entries(kind: Kind, as_json: bool) -> None:
    from bench import registry
    from bench.tables import entries_report, show

    entries = list(registry.entries(kind).values())
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
