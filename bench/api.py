"""The Python face of ``bench run``: the same runs, the same records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench.plugins
from bench.data.roots import DEFAULT
from bench.precision import FLOAT32
from bench.records.record import Record
from bench.studies.run import plan_study
from bench.studies.study import make_study

if TYPE_CHECKING:
    from bench.progress import Reporter


def run(
    method: str | Iterable[str],
    dataset: str | Iterable[str],
    *,
    seeds: int | Iterable[int] = 0,
    preset: str | None = None,
    params: Mapping[str, Any] | None = None,
    view: str | None = None,
    data_root: str | Path | Mapping[str, str | Path] | None = None,
    device: str = "auto",
    precision: str = FLOAT32,
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
        seeds: One seed or several, such as ``range(3)``; from 0 to 2**32 - 1.
        preset: ``quick``, ``standard`` or ``paper``; without one, ``quick`` where there is no GPU.
        params: What ``--set`` takes: ``{"latent_dim": 64, "oct.flatten": False}``.
        view: ``"resize:64"`` or ``"patches:64/32"``; without one, the data set's own.
        data_root: Folder of the data, or folders by data set: ``{"mnist": "data/mnist"}``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, or ``tf32`` or ``bf16`` where the device has them.
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
    stated = {
        "methods": method, "datasets": dataset, "seeds": seeds, "preset": preset, "settings": dict(params or {}),
        "view": view, "data_roots": _as_folders(data_root), "device": device,
        "precision": precision, "results": results,
        "executor": {"name": executor, **(options or {})},
    }  # fmt: skip
    study = make_study(None, stated)
    reporter = reporter or default_reporter()
    return plan_study(study, reporter, force).execute(reporter)


def _as_folders(data_root: str | Path | Mapping[str, str | Path] | None) -> dict[str, str | Path]:
    if isinstance(data_root, Mapping):
        return dict(data_root)
    return {DEFAULT: data_root} if data_root else {}
