"""``bench grid``: runs that were left to a cluster (``bench run --executor slurm --detach``)."""

from __future__ import annotations

from pathlib import Path

import typer

from bench.commands.options import Debug, Json, Plugins, Results, print_json, use_plugins

app = typer.Typer(help="Look after runs that were left to Slurm.", no_args_is_help=True)


@app.command()
def status(results: Results = Path("results"), as_json: Json = False, debug: Debug = False) -> None:
    """Say what runs, waits, is done or failed; may be asked from any machine of the cluster.

    Example: bench grid status
    """
    from bench.grid.submitted import status as look
    from bench.grid.submitted_table import submitted_report
    from bench.tables import show

    runs = look(results)
    if as_json:
        print_json([run.as_dict() for run in runs])
    else:
        show(submitted_report(runs))


@app.command()
def wait(
    results: Results = Path("results"), plugins: Plugins = None, as_json: Json = False, debug: Debug = False
) -> None:
    """Wait for the runs and end as bench run does, with the table; Ctrl-C leaves them alone.

    Example: bench grid wait
    """
    from bench.commands.run import exit_status, print_records
    from bench.grid.submitted import status as look
    from bench.grid.submitted import wait as wait_for
    from bench.progress import reporter

    use_plugins(plugins)
    records = wait_for(results, reporter())
    print_records(records, results, as_json)
    raise typer.Exit(exit_status(records, len(look(results))))


@app.command()
def cancel(results: Results = Path("results"), debug: Debug = False) -> None:
    """Strike out what waits, and end what runs with a checkpoint; the same bench run resumes.

    Example: bench grid cancel
    """
    from bench.grid.submitted import call_off

    called = call_off(results)
    running = sum(run.state == "running" for run in called)
    print(f"{running} running asked to checkpoint and end, {len(called) - running} waiting struck out.")
