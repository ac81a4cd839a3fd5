"""A study that nobody ran: its size, its place, and plug-ins that do nothing. Its records: ``made_up_records.py``.

Imports nothing heavy: a process counts the memory of the one that started it as its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

METHOD = '''"""Does nothing."""

from bench import contracts


class Params(contracts.Params):
    width: int = 64
    steps: int = 1000


class Detector(contracts.Detector[Params]):
    summary = "made up"

    def fit(self, train, val, *, context): ...

    def score(self, images): ...

    def weights(self): ...

    def restore(self, weights, images, device): ...
'''
DATASET = '''"""Images that nobody reads."""

from bench import contracts
from bench.contracts import Sample, Split
from bench.files import text_digest


class Params(contracts.Params):
    pass


class Dataset(contracts.Dataset[Params]):
    summary = "made up"
    synthetic = True
    default_view = "resize:64"

    def split(self):
        kinds = ("good", "good", "hole", "crack")
        parts = [self.part(name, ["good"] * count) for name, count in (("train", 400), ("val", 40))]
        return Split(*parts, self.part("test", [kinds[i % 4] for i in range({images})]), "made up", group_name="patient")

    def part(self, name, kinds):
        return tuple(
            Sample(f"{{name}}/{{i:06d}}", int(kind != "good"), kind, None, text_digest(__name__, name, i), f"{{name}}-{{i // 4}}")
            for i, kind in enumerate(kinds)
        )
'''  # noqa: E501


@dataclass(frozen=True)
class MadeUpStudy:
    """Where its plug-ins and records lie, and how large it is."""

    folder: Path
    methods: int
    datasets: int
    seeds: int
    images: int = 200
    """In the test part of each data set."""

    @property
    def plugins(self) -> Path:
        return self.folder / "plugins"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def runs(self) -> int:
        return self.methods * self.datasets * self.seeds

    def method_names(self) -> list[str]:
        return [f"method{i:02d}" for i in range(self.methods)]

    def dataset_names(self) -> list[str]:
        return [f"made{i:02d}" for i in range(self.datasets)]

    def write_plugins(self) -> None:
        """One file for each method and each data set."""
        for kind, names, text in (
            ("methods", self.method_names(), METHOD),
            ("datasets", self.dataset_names(), DATASET.format(images=self.images)),
        ):
            (self.plugins / kind).mkdir(parents=True)
            for name in names:
                (self.plugins / kind / f"{name}.py").write_text(text)
