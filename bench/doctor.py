"""``bench doctor``: versions, devices, where data is looked for, and what would stop a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench import registry
from bench.data.opening import locate, places
from bench.data.roots import Roots
from bench.errors import BenchError, ConfigError, StoreError
from bench.files import require_cache
from bench.images import images_folder
from bench.provenance import git_state, hardware, threads, usable_cores, versions
from bench.records.store import RecordStore


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``stops`` means that no run can work until it is mended."""

    topic: str
    level: Literal["ok", "note", "stops"]
    text: str


def examine(data_root: Roots, results: Path) -> list[Finding]:
    """Look at everything a run needs; raises nothing."""
    return [*_packages(), *_devices(), *_folders(results), *_plugins(), *_data(data_root)]


def _packages() -> Iterator[Finding]:
    for name, version in versions().items():
        missing = "not installed; what needs it is not available"
        yield Finding("package", "ok" if version else "note", f"{name} {version or missing}")
    git = git_state()
    if git:
        yield Finding("code", "ok", f"commit {git['commit'][:12]}{', with local changes' if git['dirty'] else ''}")


def _devices() -> Iterator[Finding]:
    machine: dict[str, Any] = hardware()
    yield Finding("cpu", "ok", f"{machine['cpu']}, {machine['cores']} usable cores, {machine['memory_gib']} GiB")
    if threads() > usable_cores():
        yield Finding(
            "cpu", "note", f"torch would use {threads()} threads on {usable_cores()} cores; a run lowers that"
        )
    if not machine["gpus"]:
        yield Finding("gpu", "note", "none that torch can use; without --preset a run takes 'quick'")
    for i, gpu in enumerate(machine["gpus"]):
        yield Finding("gpu", "ok", f"cuda:{i} {gpu}")


def _folders(results: Path) -> Iterator[Finding]:
    try:
        RecordStore(results).require_writable()
        yield Finding("results", "ok", f"{results.resolve()} can be written")
    except StoreError as error:
        yield Finding("results", "stops", str(error))
    try:
        yield Finding("cache", "ok", f"{require_cache()} can be written")
        yield _decoded_images()
    except (ConfigError, OSError) as error:
        yield Finding("cache", "stops", str(error))


def _decoded_images() -> Finding:
    """They only grow: every edit of a data set's loader or settings leaves a copy behind."""
    folder = images_folder()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**30
    remedy = "may be deleted whenever no run is under way; what is needed is decoded again"
    return Finding("cache", "ok", f"{folder} holds {size:.1f} GiB of decoded images; {remedy}")


def _plugins() -> Iterator[Finding]:
    for kind in ("method", "dataset"):
        for entry in registry.entries(kind).values():
            if entry.problem:
                yield Finding("plug-in", "note", f"{entry.file}: {entry.problem}")


def _data(data_root: Roots) -> Iterator[Finding]:
    for name, entry in registry.entries("dataset").items():
        if entry.problem:
            continue
        if not entry.facts.get("needs"):
            yield Finding("data", "ok", f"{name}: nothing to download")
            continue
        yield _where(name, data_root)


def _where(name: str, data_root: Roots) -> Finding:
    try:
        root = locate(name, data_root)
    except BenchError as error:
        return Finding("data", "note", f"{name}: {error}")
    if root:
        return Finding("data", "ok", f"{name}: {root}")
    looked = ", ".join(map(str, places(name, data_root)))
    return Finding("data", "note", f"{name}: not found in {looked}")
