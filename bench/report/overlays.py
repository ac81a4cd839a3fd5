"""A run's anomaly maps as transparent pictures to lay over the images, and its redrawn images beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from bench.errors import StoreError
from bench.progress import Reporter
from bench.records.pictures import StoredPictures
from bench.records.saved import SavedRun
from bench.report.thumbnails import LONGEST, shrunk

_LEVELS = 32  # fewer colours than an eye tells apart in a blurred map, and a quarter of the bytes
_OPAQUE = (0.4, 0.9)  # of the lowest and highest level: the image is dimmed, and shines through everywhere
_LOOKED_AT = 400  # maps that decide the colour scale
_QUALITY = 80
Draw = Callable[[Path, NDArray[Any]], str]
"""Writes a picture to a path without suffix, and returns the name of the file."""


@dataclass(frozen=True)
class Overlays:
    """Files by image id, relative to the folder they were written to."""

    maps: Mapping[str, str] = field(default_factory=dict)
    redrawn: Mapping[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    """Map values of the lowest and the highest colour, the same for every image of the run."""
    note: str = ""
    """Why there are none, where there should be."""


def write_overlays(run: SavedRun, wanted: Collection[str], folder: Path, reporter: Reporter) -> Overlays:
    """Pictures that the run kept of the ``wanted`` images, no larger than stored. Damage is named, not raised."""
    try:
        maps, redrawn = run.maps, run.redrawn
    except StoreError as error:
        return Overlays(note=str(error))
    scale = colour_scale(maps) if maps else None
    write = partial(_write, wanted=wanted, folder=folder, title=run.name, reporter=reporter)
    return Overlays(
        write(maps, "map", lambda path, values: _saved(map_picture(values, *(scale or (0, 1))), path, ".png")),
        write(redrawn, "redrawn image", lambda path, values: _saved(shrunk(values), path, ".webp")),
        scale,
    )


def _write(
    pictures: StoredPictures | None, what: str, draw: Draw, wanted: Collection[str], folder: Path, title: str,
    reporter: Reporter,
) -> dict[str, str]:  # fmt: skip
    if pictures is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {name: i for i, name in enumerate(pictures.ids) if name in wanted}
    files = {}
    with reporter.stage(f"{what}s of {title}", len(chosen)) as stage:
        for done, (name, i) in enumerate(chosen.items(), 1):
            files[name] = draw(folder / f"{i:05d}-{what.split()[0]}", pictures.as_stored(i))
            stage.update(done)
    return files


def _saved(picture: Image.Image, path: Path, suffix: str) -> str:
    file = path.with_suffix(suffix)
    picture.save(file, quality=_QUALITY)  # of WebP; PNG loses nothing
    return file.name


def colour_scale(maps: StoredPictures) -> tuple[float, float]:
    """Lowest and highest colour: the middle value of a usual map, and what 99 of 100 maps do not exceed."""
    chosen = range(0, len(maps), -(-len(maps) // _LOOKED_AT))
    small = [_small(maps.as_stored(i)) for i in chosen]
    low = float(np.median([np.median(values) for values in small]))
    high = float(np.quantile([values.max() for values in small], 0.99))
    return (low, high) if high > low else (low, low + 1.0)


def map_picture(values: NDArray[np.float32], low: float, high: float) -> Image.Image:
    """``(h, w)`` -> a picture with a palette, half transparent: dark at ``low``, glowing at ``high``."""
    levels = ((_small(values) - low) / (high - low)).clip(0, 1) * (_LEVELS - 1)
    picture = Image.fromarray(levels.round().astype(np.uint8))
    colours, alphas = _palette()
    picture.putpalette(colours)
    picture.info["transparency"] = alphas
    return picture


def _small(values: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = Image.fromarray(values.astype(np.float32))
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    return np.asarray(picture)


@cache
def _palette() -> tuple[bytes, bytes]:
    share = np.linspace(0, 1, _LEVELS)
    colours = np.round(colormaps["inferno"](share)[:, :3] * 255).astype(np.uint8)
    return colours.tobytes(), np.round(np.interp(share, (0, 1), _OPAQUE) * 255).astype(np.uint8).tobytes()
