"""``bench time``: parse, call one function, print."""

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
)  # fmt: skip


def time(
    method: Annotated[str, typer.Option(help="Method, or a list: fanogan,anogan,ae.")],
    dataset: Annotated[str, typer.Option(help="Data set whose images are used: oct-phantom or mnist:1.")],
    data_root: DataRoot = None,
    preset: Annotated[
        str | None, typer.Option(help="quick, standard or paper. Default: standard on a GPU, else quick.")
    ] = None,
    setting: Set = None,
    view: Annotated[str | None, typer.Option(help="resize:64 or patches:64/32. Default: the data set's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[str, typer.Option(help="float32; bf16, or tf32 on a GPU: faster.")] = "float32",
    batch: Annotated[str, typer.Option(help="Sizes of batches; auto searches for the best.")] = "1,64,auto",
    repeats: Annotated[int, typer.Option(min=1, help="Fresh processes for each method.")] = 3,
    timeout: Annotated[str, typer.Option(help="Time for each of these processes: 90s, 45m, 2h.")] = "30m",
    results: Results = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Time methods one after the other: latency, throughput, memory, operations, training; kept in results/timings.

    Nothing else should run meanwhile; where it does, figures are marked. A minute or two for each method.

    Example: bench time --method fanogan,anogan,ae --dataset oct-phantom
    """
    from bench.devices import default_preset, resolve_device
    from bench.durations import seconds
    from bench.grid.planning import plan
    from bench.grid.request import Request
    from bench.precision import require_precision
    from bench.progress import reporter
    from bench.records.store import RecordStore
    from bench.tables import show
    from bench.timing.campaign import TimingRequest, exit_status, parse_batches, time_methods
    from bench.timing.tables import report

    use_plugins(plugins)
    chosen, progress = resolve_device(device), reporter()
    request = Request(
        methods=names(method), datasets=names(dataset), preset=preset or default_preset(chosen),
        settings=setting or [], view=view, data_root=data_roots(data_root),
        precision=require_precision(precision, chosen.type),
    )  # fmt: skip
    how = TimingRequest(
        chosen, parse_batches(batch), repeats, seconds(timeout, "--timeout"), plugins=[plugins] if plugins else []
    )
    timings = time_methods(plan(request, RecordStore(results)), how, results, progress)
    if as_json:
        print_json([timing.model_dump(mode="json") for timing in timings])
    else:
        for label in dict.fromkeys(timing.spec.dataset_label for timing in timings):
            show(report([timing for timing in timings if timing.spec.dataset_label == label]))
    raise typer.Exit(exit_status(timings))
