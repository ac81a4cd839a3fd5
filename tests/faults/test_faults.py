"""Real grids are hurt at random points, more than 200 times, and must end as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from .aftermath import Scores, check_folders, check_records, scores_of
from .circumstances import ClockSetBack, DiskFilled, ImageChanged, PermissionRemoved, SecondParent
from .damage import CachedImagesDamaged, CheckpointDamaged, RecordDamaged, StageDamaged
from .disk import Disk, small_disk
from .fault import Fault, Struck
from .grid import TinyGrid
from .kills import ParentKilled, WorkerKilled
from .sources import VARIANTS, draw_images

pytestmark = pytest.mark.slow

FAULTS = int(os.environ.get("BENCH_FAULTS", "200"))
_ROUNDS = 8
"""Between two looks at whether all is as it was."""

Say = Callable[[str], None]


class Ordeal:
    """Rounds of faults on one grid, of which ``undisturbed`` says what must come out."""

    def __init__(self, grid: TinyGrid, disk: Disk, rng: random.Random, undisturbed: Scores, say: Say) -> None:
        self.grid, self.disk, self.rng, self.undisturbed, self.say = grid, disk, rng, undisturbed, say
        self.struck: list[Struck] = []
        self.can_fill, self.can_lock = disk.is_small, disk.why_not_locked() is None

    def without(self) -> list[str]:
        """Faults that cannot be had on this machine, and why."""
        full = [] if self.can_fill else ["the disk was not filled: no tmpfs can be mounted here"]
        return full + ([] if self.can_lock else [f"no permission was removed: {self.disk.why_not_locked()}"])

    def round(self) -> None:
        """Damage what lies there, begin, hurt what runs, wait."""
        self.grid.wait_for_peace()
        lying = self._damage()
        for fault in lying:
            self._strike(fault)
        self.grid.begin()
        running = self._trouble()
        for fault in running:
            self._strike(fault)
        self.grid.wait()
        if any(isinstance(fault, DiskFilled | PermissionRemoved) for fault in running):
            self.grid.wait_for_peace()
        for fault in [*lying, *running]:
            fault.lift()

    def _damage(self) -> list[Fault]:
        chosen = [ImageChanged] * (self.rng.random() < 0.3) + [RecordDamaged] * self.rng.randrange(2, 5)
        likely = {CachedImagesDamaged: 0.8, StageDamaged: 0.6, CheckpointDamaged: 1.0, ClockSetBack: 0.5}
        chosen += [kind for kind, chance in likely.items() if self.rng.random() < chance]
        return [kind(self.grid, self.rng) for kind in chosen]

    def _trouble(self) -> list[Fault]:
        grid, rng = self.grid, self.rng
        worker, parent, second = WorkerKilled(grid, rng), ParentKilled(grid, rng), SecondParent(grid, rng)
        scripts: list[tuple[int, list[Fault]]] = [
            (12, [worker] * rng.randrange(4, 7)),
            (7, [worker] * rng.randrange(0, 3) + [parent, second, worker]),  # who comes next meets those left alone
            (3, [second] + [worker] * rng.randrange(1, 4) + [parent]),
            (3 * self.can_fill, [DiskFilled(grid, rng, self.disk)]),
            (3 * self.can_lock, [PermissionRemoved(grid, rng, self.disk)]),
        ]
        weights, choices = zip(*scripts, strict=True)
        return rng.choices(choices, weights)[0]

    def _strike(self, fault: Fault) -> None:
        for struck in fault.strike():
            self.struck.append(struck)
            self.say(f"{len(self.struck):4} {struck.kind}: {struck.what}")

    def look(self) -> None:
        """Run the grid to the end, of both variants of the images: all must be as if nothing had happened."""
        self.grid.wait_for_peace()
        for variant in VARIANTS:
            self.grid.set_variant(variant)
            assert self.grid.run() == 0, self.grid.last_words()
        check_records(self.grid, self.undisturbed)
        check_folders(self.grid)
        assert [struck for struck in self.struck if not struck.is_named(self.grid)] == []


def learn(grid: TinyGrid) -> Scores:
    """Scores of both variants of the images, of runs that nobody hurt; the grid learns which key is whose."""
    start = time.monotonic()
    keys: set[str] = set()
    folders: set[str] = set()
    for variant in VARIANTS:
        grid.set_variant(variant)
        assert grid.run() == 0, grid.last_words()
        grid.expected[variant] = {record.key for record in grid.records()} - keys
        (grid.decoded[variant],) = {folder.name for folder in (grid.cache / "images").iterdir()} - folders
        keys |= grid.expected[variant]
        folders.add(grid.decoded[variant])
    grid.life = 2 * (time.monotonic() - start) / len(keys)  # two at once
    return scores_of(grid.records())


def table(struck: list[Struck]) -> str:
    """Counts by kind."""
    counts = Counter(each.kind for each in struck)
    silent = Counter(each.kind for each in struck if each.words is None)
    lines = [f"{'fault':28}{'struck':>8}{'named':>8}{'nothing to name':>18}"]
    lines += [f"{kind:28}{n:8}{n - silent[kind]:8}{silent[kind]:18}" for kind, n in sorted(counts.items())]
    return "\n".join([*lines, f"{'all':28}{len(struck):8}{len(struck) - silent.total():8}{silent.total():18}"])


def test_nothing_is_lost(tmp_path, capsys):
    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    seed = int(os.environ.get("BENCH_FAULT_SEED") or random.randrange(10**6))
    say(f"\nBENCH_FAULT_SEED={seed}")
    images, beside = tmp_path / "images", tmp_path / "calm"
    draw_images(images)
    calm = TinyGrid(beside / "results", beside / "cache", images, beside / "terminals")
    scores = learn(calm)
    with small_disk(tmp_path / "disk") as disk:
        grid = copied(calm, disk.folder, tmp_path / "terminals")
        ordeal = Ordeal(grid, disk, random.Random(seed), scores, say)
        while len(ordeal.struck) < FAULTS:
            start = time.monotonic()
            for _ in range(_ROUNDS):
                ordeal.round()
            ordeal.look()
            say(f"     all is as it was, after {time.monotonic() - start:.0f} s")
    say("\n".join([table(ordeal.struck), *ordeal.without()]))


def copied(calm: TinyGrid, folder: Path, terminals: Path) -> TinyGrid:
    """A grid to be hurt that has done the first variant of the images and not the second."""
    for name in ("results", "cache"):
        shutil.copytree(getattr(calm, name), folder / name)
    grid = replace(calm, results=folder / "results", cache=folder / "cache", terminals=terminals)
    for record in grid.records():
        if record.key in grid.expected[VARIANTS[1]]:
            shutil.rmtree(record.folder)
    grid.set_variant(VARIANTS[0])
    return grid
