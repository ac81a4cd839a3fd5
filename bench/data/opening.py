"""Where data sets are looked for, and how one is opened."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import registry
from bench.contracts import Dataset, Split
from bench.data.roots import Roots, root_of
from bench.errors import ConfigError, DataError, unknown_name
from bench.files import cache_folder
from bench.images import manifest_digest

_SHOWN = 5


@dataclass(frozen=True)
class OpenedDataset:
    """A data set with its split drawn and fingerprinted; no image decoded yet."""

    name: str
    category: str | None
    dataset: Dataset[Any]
    split: Split
    fingerprint: str
    root: Path | None

    @property
    def label(self) -> str:
        """``mnist:1`` or ``oct``, as on the command line."""
        return label_of(self.name, self.category)


def label_of(name: str, category: str | None) -> str:
    """As on the command line."""
    return f"{name}:{category}" if category else name


def chosen(text: str) -> list[tuple[str, str | None]]:
    """Name and category of each data set that ``text`` asks for: ``mnist:1``, ``mnist:all`` or ``oct``.

    Raises ``ConfigError`` for a name or category that nobody knows.
    """
    name, _, category = text.partition(":")
    entry = registry.find("dataset", name)
    if category == "all":
        return [(name, each) for each in entry.categories] or [(name, None)]
    _require_category(entry, category or None)
    return [(name, category or None)]


def named(text: str) -> str:
    """The data set that ``text`` names, where its category does not matter; raises ``ConfigError`` for unknown ones."""
    name, _, category = text.partition(":")
    if category:
        chosen(text)
    return registry.find("dataset", name).name


def places(name: str, data_root: Roots) -> list[Path]:
    """Folders a data set is looked for in, in order: ``--data-root``, ``$BENCH_DATA``, the user's cache."""
    root = root_of(data_root, name)
    if root is not None:
        return [root, root / name]
    bench_data = os.environ.get("BENCH_DATA")
    bases = ([Path(bench_data)] if bench_data else []) + [cache_folder() / "data"]
    return [folder for base in bases for folder in (base / name, base)]


def place_for(name: str, data_root: Roots) -> Path:
    """Where ``bench data get`` puts it: ``--data-root``, else below ``$BENCH_DATA``, else below the user's cache."""
    return places(name, data_root)[0]


def locate(name: str, data_root: Roots) -> Path | None:
    """The data set's root, or ``None`` if none of the places holds it."""
    cls, _ = registry.load_dataset(name)
    found = (cls.locate(folder) for folder in places(name, data_root) if folder.is_dir())
    return next((root for root in found if root), None)


def open_dataset(name: str, category: str | None, params: Mapping[str, Any], data_root: Roots) -> OpenedDataset:
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
            f"{entry.name} needs a category, such as {entry.name}:{choices[0]} or {entry.name}:all."
            f" Known: {', '.join(choices)}."
        )
    if category is not None and category not in choices:
        raise unknown_name(f"category of {entry.name}", category, choices, f"Try {entry.name}:all.")


def missing_data(entry: registry.Entry, data_root: Roots) -> str:
    """Where it was looked for, whether it lies close by, how to get it, and what needs no download."""
    looked = "\n".join(
        f"  {folder} ({'another layout' if folder.is_dir() else 'not there'})"
        for folder in dict.fromkeys(places(entry.name, data_root))
    )
    free = [e.name for e in registry.entries("dataset").values() if not e.problem and not e.facts.get("needs")]
    return (
        f"No data for '{entry.name}'.\nLooked in:\n{looked}\n"
        f"{_hints(entry.name, data_root)}"
        f"How to get it: {entry.facts.get('needs')}\n"
        f"Then: --data-root DIR. Without any download: --dataset {', '.join(free)}."
    )


def _hints(name: str, data_root: Roots) -> str:
    """A line for each folder next to the given one that would have done. It is named, never taken."""
    given = root_of(data_root, name)
    if given is None:
        return ""
    cls, _ = registry.load_dataset(name)
    near = [(folder, root) for folder in _neighbours(given) if (root := cls.locate(folder))]
    lines = [f"Found at {root}: use --data-root {shlex.quote(str(folder))}\n" for folder, root in near[:_SHOWN]]
    return "".join(lines) + (f"… and {len(near) - _SHOWN} more like it\n" if len(near) > _SHOWN else "")


def _neighbours(folder: Path) -> Iterator[Path]:
    """The folder above and those directly below, as far as they may be read."""
    above = folder.resolve().parent if folder.name in ("", "..") else folder.parent
    below = sorted(f for f in folder.iterdir() if not f.name.startswith(".")) if _is_readable(folder) else []
    yield from filter(_is_readable, (above, *below))


def _is_readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
