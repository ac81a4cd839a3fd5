"""Where the user says that data lie: one folder for all data sets, or one for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bench import registry
from bench.errors import unknown_name

DEFAULT = "default"
"""Stands for all data sets that are not named, where folders are given by name."""


@dataclass(frozen=True)
class DataRoots:
    """Folders by data set, and one for the rest."""

    default: Path | None = None
    by_dataset: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> DataRoots:
        """``DIR`` and ``mnist=DIR``, the last of each counts; raises ``ConfigError`` for an unknown data set."""
        named: dict[str, Path] = {}
        for text in texts:
            name, equals, folder = text.partition("=")
            is_named = equals and "/" not in name and not Path(text).exists()
            named[name if is_named else DEFAULT] = Path(folder if is_named else text).expanduser()
        return cls.of_names(named)

    @classmethod
    def of_names(cls, folders: Mapping[str, Path]) -> DataRoots:
        """``{"default": DIR, "mnist": DIR}``; raises ``ConfigError`` for an unknown data set."""
        known = registry.entries("dataset")
        for name in folders:
            if name != DEFAULT and name not in known:
                raise unknown_name("data set", name, known, "Expected --data-root DIR or --data-root NAME=DIR.")
        return cls(folders.get(DEFAULT), {name: folder for name, folder in folders.items() if name != DEFAULT})

    def of(self, name: str) -> Path | None:
        """The folder said for that data set, if any."""
        return self.by_dataset.get(name, self.default)

    def as_names(self) -> dict[str, Path]:
        """The opposite of ``of_names``."""
        return {**({DEFAULT: self.default} if self.default else {}), **self.by_dataset}


Roots: TypeAlias = Path | DataRoots | None
"""What functions take: one folder, folders by data set, or nothing said."""


def root_of(roots: Roots, name: str) -> Path | None:
    """The folder for that data set."""
    return roots.of(name) if isinstance(roots, DataRoots) else roots
