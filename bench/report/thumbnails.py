"""Small copies of test images and of their masks, written once for all runs on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.contracts import Sample, Uint8Image
from bench.data.inspection import UNREADABLE
from bench.data.opening import OpenedDataset
from bench.images import decode, each
from bench.progress import Reporter

LONGEST = 160
"""Pixels of the longer side; smaller images keep their size."""
_QUALITY = 80
_MASK_COLOUR = (0, 200, 140)
_MASK_ALPHA = 150


@dataclass(frozen=True)
class Thumbnail:
    """Files of one image, relative to the folder they were written to; ``None`` where there is none."""

    image: str
    mask: str | None
    height: int
    width: int


def write_thumbnails(
    data: OpenedDataset, wanted: Collection[str], folder: Path, reporter: Reporter
) -> Mapping[str, Thumbnail]:
    """Thumbnails of the ``wanted`` test images by id; one that cannot be read is left out."""
    folder.mkdir(parents=True)
    samples = [sample for sample in data.split.test if sample.id in wanted]
    numbers = {sample.id: number for number, sample in enumerate(samples)}
    work = partial(_write, folder, numbers, data.dataset.channels)
    written: dict[str, Thumbnail] = {}
    with reporter.stage(f"images of {data.label}", len(samples)) as stage:
        for done, (sample, thumbnail) in enumerate(zip(samples, each(samples, work), strict=True), 1):
            if thumbnail:
                written[sample.id] = thumbnail
            stage.update(done)
    return written


def _write(folder: Path, numbers: Mapping[str, int], channels: int, sample: Sample) -> Thumbnail | None:
    name = f"{numbers[sample.id]:05d}"
    try:
        image = decode(sample, channels)
        mask = _union(sample, image.shape[:2])
    except UNREADABLE:
        return None
    picture = shrunk(image)
    picture.save(folder / f"{name}.webp", quality=_QUALITY)
    if mask is not None:
        mask_picture(mask).save(folder / f"{name}-mask.png", optimize=True)
    return Thumbnail(f"{name}.webp", None if mask is None else f"{name}-mask.png", picture.height, picture.width)


def _union(sample: Sample, shape: tuple[int, ...]) -> Uint8Image | None:
    """``(H, W)``, 255 where any region is; ``None`` where there is none to show."""
    if not sample.regions:
        return None
    union = np.zeros(shape, dtype=bool)
    for region in sample.regions:
        union |= region.read()
    return np.where(union, 255, 0).astype(np.uint8)


def shrunk(image: Uint8Image) -> Image.Image:
    """``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W)`` as a picture no longer than ``LONGEST``."""
    picture = Image.fromarray(image.squeeze(2) if image.shape[2:] == (1,) else image)
    picture.thumbnail((LONGEST, LONGEST))
    return picture


def mask_picture(mask: Uint8Image) -> Image.Image:
    """A transparent picture, coloured wherever any of the mask's pixels fell: small defects must not vanish."""
    small = Image.fromarray(mask)
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    picture = Image.fromarray((np.asarray(small) > 0).astype(np.uint8))
    picture.putpalette([0, 0, 0, *_MASK_COLOUR])
    picture.info["transparency"] = bytes([0, _MASK_ALPHA])
    return picture
