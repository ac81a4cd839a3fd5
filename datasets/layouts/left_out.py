"""Images that a layout of folders would pass over without a word: refused by name, for nobody would miss them."""

from __future__ import annotations

from pathlib import Path

from bench.errors import refuse
from bench.files import IMAGE_SUFFIXES, list_folders, list_images, list_unread_images


def refuse_loose(part: Path, place: str) -> None:
    """Images in a folder that should hold folders of kinds alone; ``place`` is where they may belong."""
    refuse(
        _images_in(part),
        f"image(s) lie in {part} itself and would be left out",
        f"Move them into the folder of their kind, such as {place}, or away.",
    )


def refuse_below(kind: Path) -> None:
    """Images in folders inside that of a kind."""
    refuse(
        (image for inner in list_folders(kind) for image in _images_below(inner)),
        f"image(s) in folders inside {kind} would be left out",
        f"Move them into {kind.name} itself, under names that differ, or away.",
    )


def refuse_unread(folder: Path) -> None:
    """Images of formats that are not read."""
    formats = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
    refuse(
        list_unread_images(folder),
        f"image(s) in {folder} are of a format that is not read",
        f"Save them as one of {formats} (png loses nothing), or move them away.",
    )


def _images_in(folder: Path) -> list[Path]:
    return list_images(folder) + list_unread_images(folder)


def _images_below(folder: Path) -> list[Path]:
    return _images_in(folder) + [image for inner in list_folders(folder) for image in _images_below(inner)]
