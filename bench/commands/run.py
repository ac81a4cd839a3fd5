"""``bench run``: train, score and record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import (
    DataRoot,
    Debug,
    Json,
    Plugins,
    Set,
    data_roots,
    names,
    print_json,
    prints_on_stderr,
    use_plugins,
    whole_numbers,
)  # fmt: skip

if TYPE_CHECKING:
    from bench.executors import Left
    from bench.grid.planning import PlannedRun
    from bench.records.record import Record

_CLUSTER, _SLURM, _RAY = "A cluster (--executor slurm or ray)", "Slurm (--executor slurm)", "Ray (--executor ray)"
_MOST_REPORTS = 4  # more runs than that are shown by their ranking alone


def run(
    method: Annotated[str | None, typer.Option(help="Method, or a list: fanogan,izi,ziz.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set, or a list: oct-phantom or mnist:0,mnist:1 or mnist:all.")
    ] = None,
    data_root: DataRoot = None,
    seeds: Annotated[str | None, typer.Option(help="Seed, or a list: 0,1,2. Default: 0.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="quick, standard or paper. Default: standard on a GPU, else quick.")
    ] = None,
    setting: Set = None,
    view: Annotated[str | None, typer.Option(help="resize:64 or patches:64/32. Default: the data set's own.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N. Default: auto.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 (default); bf16, or tf32 on a GPU: faster.")] = None,
    results: Annotated[Path | None, typer.Option(help="Folder of the records. Default: results.")] = None,
    plugins: Plugins = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of a study; options replace its keys.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan with reasons; run nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Repeat runs that are done; shared stages are kept.")] = False,
    executor: Annotated[
        str | None, typer.Option(help="local, a process for each run (default), slurm, ray, or serial.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Runs at once. Default: one for each GPU, or one.")] = None,
    timeout: Annotated[str | None, typer.Option(help="Time for each run: 90s, 45m, 2h. Default: no limit.")] = None,
    grace: Annotated[
        str | None, typer.Option(help="Time to write a checkpoint before a run is killed. Default: 30s.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(help="GPUs of each run, 1 or a100:1.", rich_help_panel=_CLUSTER)] = None,
    cpus: Annotated[int | None, typer.Option(help="Cores of each run. Default: 1.", rich_help_panel=_CLUSTER)] = None,
    memory: Annotated[str | None, typer.Option(help="Memory of each run: 32G.", rich_help_panel=_CLUSTER)] = None,
    max_parallel: Annotated[int | None, typer.Option(help="Runs at once.", rich_help_panel=_CLUSTER)] = None,
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the head. Default: $RAY_ADDRESS, or auto.", rich_help_panel=_RAY)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Slurm's time limit of each run: 4h.", rich_help_panel=_SLURM)
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Partition.", rich_help_panel=_SLURM)] = None,
    account: Annotated[str | None, typer.Option(help="Account.", rich_help_panel=_SLURM)] = None,
    qos: Annotated[str | None, typer.Option(help="Quality of service.", rich_help_panel=_SLURM)] = None,
    requeue: Annotated[
        bool | None, typer.Option(help="Whether a preempted run goes on later. Default: yes.", rich_help_panel=_SLURM)
    ] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(help="Further argument of sbatch: --sbatch=--constraint=v100.", rich_help_panel=_SLURM),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand over and leave; look again with bench grid.", rich_help_panel=_SLURM)
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train, score and record every combination of method, data set and seed that is not there yet.

    Example: bench run --method fanogan --dataset oct-phantom
    """
    from bench.progress import reporter
    from bench.studies.run import plan_study
    from bench.studies.study import make_study, read_study

    use_plugins(plugins)
    file = read_study(config, plugins) if config else None
    options = {
        "name": executor, "workers": workers, "timeout": timeout, "grace": grace, "gpus": gpus, "cpus": cpus,
        "memory": memory, "time": time, "partition": partition, "account": account, "qos": qos,
        "max_parallel": max_parallel, "address": address, "requeue": requeue, "sbatch": sbatch or None,
    }  # fmt: skip
    roots = data_roots(data_root)
    study = make_study(file, {
        "methods": names(method or ""), "datasets": names(dataset or ""), "preset": preset, "view": view,
        "seeds": whole_numbers(seeds, "--seeds") if seeds else None, "settings": setting, "device": device,
        "precision": precision,
        "data_roots": roots.as_names() if roots else None, "results": results, "plugins": plugins,
        "executor": {name: value for name, value in options.items() if value is not None},
    })  # fmt: skip
    progress = reporter()
    with prints_on_stderr():
        planned = plan_study(study, progress, force)
    if dry_run:
        _print_plan(planned.runs, as_json)
        return
    if detach:
        _print_left(planned.leave(progress, file), study.results)
        return
    with prints_on_stderr():
        records = planned.execute(progress, file)
    print_records(records, study.results, as_json)
    raise typer.Exit(exit_status(records, len(planned.runs)))


def _print_plan(runs: Sequence[PlannedRun], as_json: bool) -> None:
    from bench.tables import plan_report, show

    if as_json:
        print_json([run.as_dict() for run in runs])
    else:
        show(plan_report(runs))


def _print_left(left: Sequence[Left], results: Path) -> None:
    if not left:
        print("Nothing was left to hand over.")
        return
    for each in left:
        print(f"{each.runs} run{'s' * (each.runs != 1)} left to {each.to}.")
    print(f"Look again with: bench grid status --results {results}  (or wait, or cancel)")


def print_records(records: Sequence[Record], results: Path, as_json: bool) -> None:
    """One report, a ranking of several, and what did not end well."""
    from bench.board_formats.terminal import report
    from bench.boards.leaderboard import after_a_run
    from bench.tables import record_report, show

    if as_json:
        for record in records:
            print(record.model_dump_json())
        _print_troubles(records, results)
        return
    reports = [record_report(record) for record in records] if len(records) < _MOST_REPORTS else []
    if len(records) > 1:
        reports += [report(board) for board in after_a_run(records)]
    for each in reports:
        print()
        show(each)
    if not reports or len(records) >= _MOST_REPORTS:
        show(f"records     {records[0].folder.parents[2]}" if records else "nothing was run")
    _print_troubles(records, results)


def _print_troubles(records: Sequence[Record], results: Path) -> None:
    """On standard error, at the very end, where they are seen."""
    from rich.console import Console

    from bench.tables import show, troubles_report

    troubles = troubles_report(records, results)
    if troubles and len(records) > 1:
        show(troubles, Console(stderr=True, highlight=False, soft_wrap=True))


def exit_status(records: Sequence[Record], runs: int) -> int:
    """130 after an interruption, 1 where a run has no result, else 0."""
    states = [record.status for record in records]
    if "interrupted" in states:
        return 130
    return int(len(states) < runs or set(states) != {"done"})
