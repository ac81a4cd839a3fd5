"""The Python face of ``bench run``: the same runs, the same records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench.plugins
from bench import grid
from bench.devices import default_preset, resolve_device
from bench.errors import DataError
from bench.executors import make_executor
from bench.record import Record
from bench.store import RecordStore

if TYPE_CHECKING:
    from bench.progress import Reporter


def run(
    method: str | Sequence[str],
    dataset: str | Sequence[str],
    *,
    seeds: int | Sequence[int] = 0,
    preset: str | None = None,
    params: Mapping[str, Any] | None = None,
    view: str | None = None,
    data_root: str | Path | None = None,
    device: str = "auto",
    results: str | Path = "results",
    plugins: str | Path | None = None,
    force: bool = False,
    executor: str = "local",
    options: Mapping[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> list[Record]:
    """Run every combination of method, data set and seed that the results folder does not hold yet.

    Args:
        method: Names as on the command line.
        dataset: Names, with a category where one is needed: ``"mnist:1"``; ``"mnist:all"`` for all of them.
        seeds: One seed or several.
        preset: ``quick``, ``standard`` or ``paper``; without one, ``quick`` where there is no GPU.
        params: What ``--set`` takes: ``{"latent_dim": 64, "oct.flatten": False}``.
        view: ``"resize:64"`` or ``"patches:64/32"``; without one, the data set's own.
        data_root: Folder of the data.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        results: Folder of the records.
        plugins: Folder whose ``methods/`` and ``datasets/`` are used too. Their code is run.
        force: Repeat runs that are done.
        executor: ``local`` (several runs: a process each) or ``serial`` (one after the other, in this process).
        options: Of the executor: ``{"workers": 2, "timeout": "2h"}``.
        reporter: Where progress goes; standard error by default.

    Returns:
        One record per run, finished or not: look at ``record.status``.

    Raises:
        BenchError: Nothing was run, and the message says why.
    """
    from bench.progress import reporter as default_reporter

    if plugins:
        bench.plugins.add_folder(plugins)
    preset = preset or default_preset(resolve_device(device))
    request = grid.Request(
        methods=_as_list(method),
        datasets=_as_list(dataset),
        seeds=[seeds] if isinstance(seeds, int) else list(seeds),
        preset=preset,
        settings=[f"{key}={value}" for key, value in (params or {}).items()],
        view=view,
        data_root=Path(data_root) if data_root else None,
        force=force,
    )
    store = RecordStore(Path(results))
    runs = grid.plan(request, store)
    require_unblocked(runs)
    reporter = reporter or default_reporter()
    to_do = sum(run.is_to_do for run in runs)
    return grid.execute(runs, store, make_executor(executor, options or {}, device, to_do, reporter), reporter)


def _as_list(names: str | Sequence[str]) -> list[str]:
    return names.split(",") if isinstance(names, str) else list(names)


def require_unblocked(runs: Sequence[grid.PlannedRun]) -> None:
    """Raise the first reason why a run cannot be done: better before a night's grid than in it."""
    blocked = [run for run in runs if run.state == "blocked"]
    if blocked:
        raise DataError(blocked[0].reason)
