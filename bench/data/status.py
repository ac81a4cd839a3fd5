"""``bench data status``: where data sets are looked for, where they lie, and on what terms they may be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import registry
from bench.contracts import Download
from bench.data.opening import locate, named, places
from bench.data.roots import Roots
from bench.errors import BenchError


@dataclass(frozen=True)
class DataStatus:
    """What is known of a data set before any image is read."""

    name: str
    summary: str
    needs: str
    places: Sequence[Path]
    found: Path | None = None
    downloads: Sequence[Download] = ()
    licence: str = ""
    citation: str = ""
    leakage: str = ""
    problem: str | None = None
    """Why the plug-in cannot be used."""

    @property
    def state(self) -> str:
        """``found``, ``nothing to download``, ``can be fetched``, ``by hand`` or ``broken``."""
        if self.problem:
            return "broken"
        if not self.needs:
            return "nothing to download"
        if self.found:
            return "found"
        return "can be fetched" if self.downloads else "by hand"

    @property
    def download_size(self) -> int:
        return sum(download.size for download in self.downloads)

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        paths = {"places": [str(place) for place in self.places], "found": str(self.found) if self.found else None}
        return {**asdict(self), **paths, "state": self.state}


def statuses(text: str | None, data_root: Roots) -> list[DataStatus]:
    """Of one data set, with or without a category, or of all; raises ``ConfigError`` for an unknown name."""
    if text is None:
        return [status(name, data_root) for name in registry.entries("dataset")]
    return [status(named(text), data_root)]


def status(name: str, data_root: Roots) -> DataStatus:
    """Of one data set; a plug-in that cannot be loaded is a status, not an error."""
    entry = registry.find("dataset", name)
    looked = list(dict.fromkeys(places(name, data_root)))
    try:
        cls, _ = registry.load_dataset(name)
        found = locate(name, data_root) if cls.needs else None
    except BenchError as error:
        return DataStatus(name, entry.summary, "", looked, problem=str(error))
    return DataStatus(
        name, cls.summary, cls.needs, looked if cls.needs else [], found,
        cls.downloads, cls.licence, cls.citation, cls.leakage,
    )  # fmt: skip


def size_text(size: int) -> str:
    """Decimal units, as download pages have them: ``4.2 MB``."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
