"""The Python face of ``bench run``: the same runs, the same records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench.plugins
from bench import grid
from bench.errors import ConfigError, DataError, unknown_name
from bench.precision import FLOAT32, require_precision
from bench.record import Record
from bench.store import RecordStore

if TYPE_CHECKING:
    import torch

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
    precision: str = FLOAT32,
    results: str | Path = "results",
    plugins: str | Path | None = None,
    force: bool = False,
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
        precision: ``float32``, or ``tf32`` or ``bf16`` where the device has them.
        results: Folder of the records.
        plugins: Folder whose ``methods/`` and ``datasets/`` are used too. Their code is run.
        force: Repeat runs that are done.
        reporter: Where progress goes; standard error by default.

    Returns:
        One record per run, finished or not: look at ``record.status``.

    Raises:
        BenchError: Nothing was run, and the message says why.
    """
    from bench.progress import reporter as default_reporter

    if plugins:
        bench.plugins.add_folder(plugins)
    chosen = resolve_device(device)
    request = grid.Request(
        methods=_as_list(method),
        datasets=_as_list(dataset),
        seeds=[seeds] if isinstance(seeds, int) else list(seeds),
        preset=preset or default_preset(chosen),
        settings=[f"{key}={value}" for key, value in (params or {}).items()],
        view=view,
        data_root=Path(data_root) if data_root else None,
        force=force,
        precision=require_precision(precision, chosen),
    )
    store = RecordStore(Path(results))
    runs = grid.plan(request, store)
    require_unblocked(runs)
    return grid.execute(runs, store, chosen, reporter or default_reporter())


def _as_list(names: str | Sequence[str]) -> list[str]:
    return names.split(",") if isinstance(names, str) else list(names)


def require_unblocked(runs: Sequence[grid.PlannedRun]) -> None:
    """Raise the first reason why a run cannot be done: better before a night's grid than in it."""
    blocked = [run for run in runs if run.state == "blocked"]
    if blocked:
        raise DataError(blocked[0].reason)


def resolve_device(name: str) -> torch.device:
    """``auto`` is the first GPU, or the CPU; raises ``ConfigError`` for a device that is not there."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["auto", "cpu", *(["cuda"] if gpus else []), *(f"cuda:{i}" for i in range(gpus))]
    if name.startswith("cuda") and name not in known:
        raise ConfigError(f"Device '{name}' is not there: torch sees {gpus} GPU(s). Known: {', '.join(known)}.")
    if name not in known:
        raise unknown_name("device", name, known, "")
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    return torch.device("cuda:0" if name == "cuda" else name)


def default_preset(device: torch.device) -> str:
    """``standard`` on a GPU, ``quick`` on a CPU."""
    return "standard" if device.type == "cuda" else "quick"
