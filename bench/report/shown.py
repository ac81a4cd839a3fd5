"""A group with everything that was written for it: what its pages draw from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.records.saved import SavedRun
from bench.report.groups import Group, run_slug
from bench.report.overlays import Overlays
from bench.report.thumbnails import Thumbnail

Layer = tuple[str, str]
"""What a picture shows, and its file relative to a page one folder below the site."""


@dataclass(frozen=True)
class ShownRun:
    """A run with its name in the group and its pictures."""

    run: SavedRun
    name: str
    overlays: Overlays

    @property
    def slug(self) -> str:
        return run_slug(self.run.record)

    @property
    def marks(self) -> list[str]:
        return self.run.record.marks()


@dataclass(frozen=True)
class ShownGroup:
    """A group with thumbnails by image id, and what is missing of them."""

    group: Group
    runs: tuple[ShownRun, ...]
    thumbnails: Mapping[str, Thumbnail]
    missing: str
    wanted: frozenset[str]
    """Images that were to get a picture."""

    @property
    def marks(self) -> list[str]:
        """Those of every run."""
        return [mark for mark in self.runs[0].marks if all(mark in run.marks for run in self.runs)]

    @property
    def note(self) -> str:
        """Why there are no thumbnails, or not all of them; empty where all is there."""
        total, unread = len(self.group.runs[0].scores), len(self.wanted) - len(self.thumbnails)
        if self.missing:
            return self.missing
        notes = [f"{unread} images cannot be read and are shown without a picture."] if unread else []
        if len(self.wanted) < total:
            chosen = f"Pictures of {len(self.wanted)} of {total} images"
            notes.insert(0, f"{chosen}: the worst mistakes of each run and an even spread of the others.")
        return " ".join(notes)

    def thumbnail(self, image: str) -> str | None:
        """The small copy of an image."""
        found = self.thumbnails.get(image)
        return f"../images/{self.group.slug}/{found.image}" if found else None

    def layers(self, image: str, *runs: ShownRun) -> list[Layer]:
        """Image, what the runs made of it, and mask, as far as they are there."""
        found = self.thumbnails.get(image)
        folder = f"../images/{self.group.slug}"
        layers = [("image", f"{folder}/{found.image}")] if found else []
        for run in runs:
            layers += _run_layers(run, image, run.name if len(runs) > 1 else "")
        return layers + ([("mask", f"{folder}/{found.mask}")] if found and found.mask else [])

    def aspect(self, image: str) -> str:
        """``width / height`` as style sheets take it."""
        found = self.thumbnails.get(image)
        return f"{found.width} / {found.height}" if found else "1 / 1"


def _run_layers(run: ShownRun, image: str, whose: str) -> Iterator[Layer]:
    for what, names in (("redrawn", run.overlays.redrawn), ("map", run.overlays.maps)):
        if image in names:
            yield (f"{what} of {whose}" if whose else what, f"../runs/{run.slug}/{names[image]}")
