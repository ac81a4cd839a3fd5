"""Where data sets are looked for, and how one is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import registry
from bench.contracts import Dataset, Split
from bench.errors import ConfigError, DataError, unknown_name
from bench.files import cache_folder
from bench.images import manifest_digest


@dataclass(frozen=True)
class OpenedDataset:
    """A data set with its split drawn and fingerprinted; no image decoded yet."""

    name: str
    category: str | None
    dataset: Dataset[Any]
    split: Split
    fingerprint: str
    root: Path | None


def places(name: str, data_root: Path | None) -> list[Path]:
    """Folders a data set is looked for in, in order: ``--data-root``, ``$BENCH_DATA``, the user's cache."""
    if data_root is not None:
        return [data_root, data_root / name]
    bench_data = os.environ.get("BENCH_DATA")
    bases = ([Path(bench_data)] if bench_data else []) + [cache_folder() / "data"]
    return [folder for base in bases for folder in (base / name, base)]


def locate(name: str, data_root: Path | None) -> Path | None:
    """The data set's root, or ``None`` if none of the places holds it."""
    cls, _ = registry.load_dataset(name)
    found = (cls.locate(folder) for folder in places(name, data_root) if folder.is_dir())
    return next((root for root in found if root), None)


def open_dataset(name: str, category: str | None, params: Mapping[str, Any], data_root: Path | None) -> OpenedDataset:
    """Find the data and draw the split; raises ``ConfigError`` or ``DataError``."""
    entry = registry.find("dataset", name)
    _require_category(entry, category)
    cls, params_cls = registry.load_dataset(name)
    root = locate(name, data_root) if cls.needs else None
    if cls.needs and root is None:
        raise DataError(missing_data(entry, data_root))
    dataset = cls(registry.make_params(name, params_cls, dict(params)), root, category)
    split = dataset.split()
    return OpenedDataset(name, category, dataset, split, manifest_digest(split), root)


def _require_category(entry: registry.Entry, category: str | None) -> None:
    choices = entry.categories
    if choices and category is None:
        raise ConfigError(
            f"{entry.name} needs a category: {entry.name}:{choices[0]}, a list of them, or {entry.name}:all."
            f" Known: {', '.join(choices)}."
        )
    if category is not None and category not in choices:
        raise unknown_name(f"category of {entry.name}", category, choices, f"Try {entry.name}:all.")


def missing_data(entry: registry.Entry, data_root: Path | None) -> str:
    """Where it was looked for, how to get it, and what needs no download."""
    looked = "\n".join(
        f"  {folder} ({'another layout' if folder.is_dir() else 'not there'})"
        for folder in dict.fromkeys(places(entry.name, data_root))
    )
    free = [e.name for e in registry.entries("dataset").values() if not e.problem and not e.facts.get("needs")]
    return (
        f"No data for '{entry.name}'.\nLooked in:\n{looked}\n"
        f"How to get it: {entry.facts.get('needs')}\n"
        f"Then: --data-root DIR. Without any download: --dataset {', '.join(free)}."
    )
