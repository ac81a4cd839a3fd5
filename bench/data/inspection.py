"""One image and its masks looked at: what ``bench data check`` needs to know of each, without keeping any pixels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from bench.contracts import Mask, Region, Sample, Split
from bench.errors import DataError
from bench.images import content_digest, decode, each, misfit, name_of
from bench.progress import Reporter

UNREADABLE = (DataError, OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What loaders raise on broken files."""


@dataclass(frozen=True)
class Defects:
    """What the masks of one image show."""

    areas: tuple[int, ...]
    """Pixels of each region."""
    share: float
    """Share of the image's pixels that lie in any region."""
    saturated: tuple[str, ...]
    """Regions whose published saturation area is larger than they are."""
    empty: tuple[str, ...]


@dataclass(frozen=True)
class Inspected:
    """One image: ``size`` (height, width) and ``content`` are ``None`` where it cannot be used."""

    part: str
    sample: Sample
    size: tuple[int, int] | None = None
    content: str | None = None
    defects: Defects | None = None
    problem: str | None = None
    """What is wrong with the image."""
    mask_problem: str | None = None
    """What is wrong with one of its masks."""


def inspect_all(split: Split, channels: int, reporter: Reporter) -> list[Inspected]:
    """Decode everything once, reporting progress; nothing that is broken stops it."""
    found = []
    with reporter.stage("images", sum(map(len, split.parts().values()))) as stage:
        parts = (_inspect_part(part, samples, channels) for part, samples in split.parts().items())
        for done, inspected in enumerate(chain.from_iterable(parts), 1):
            found.append(inspected)
            stage.update(done)
    return found


def _inspect_part(part: str, samples: tuple[Sample, ...], channels: int) -> Iterator[Inspected]:
    return each(samples, partial(inspect, part, channels))


def inspect(part: str, channels: int, sample: Sample) -> Inspected:
    """Decode one image and its masks; what is wrong with them is an answer, not an error."""
    try:
        image = decode(sample, channels)
    except UNREADABLE as error:
        return Inspected(part, sample, problem=_named(sample, error))
    size, content = (image.shape[0], image.shape[1]), content_digest(image)
    try:
        return Inspected(part, sample, size, content, _defects(sample, size))
    except UNREADABLE as error:
        return Inspected(part, sample, size, content, mask_problem=_named(sample, error))


def _named(sample: Sample, error: Exception) -> str:
    return str(error) if isinstance(error, DataError) else f"{sample.source or sample.id}: {error}"


def _defects(sample: Sample, size: tuple[int, int]) -> Defects | None:
    """``None`` where nothing is annotated; raises ``DataError`` about a mask that does not fit."""
    if not sample.regions:
        return None
    union = np.zeros(size, dtype=bool)
    areas = []
    for region in sample.regions:
        mask = _fitting_mask(sample, region, size)
        union |= mask
        areas.append(int(mask.sum()))
    pairs = list(zip(sample.regions, areas, strict=True))
    return Defects(
        areas=tuple(areas),
        share=float(union.mean()),
        saturated=tuple(name_of(sample, region) for region, area in pairs if _is_all_due(region, area)),
        empty=tuple(name_of(sample, region) for region, area in pairs if not area),
    )


def _fitting_mask(sample: Sample, region: Region, size: tuple[int, int]) -> Mask:
    mask = region.read()
    if problem := misfit(sample, region, mask, size):
        raise DataError(problem)
    return mask


def _is_all_due(region: Region, area: int) -> bool:
    """Whether the published rule asks for more pixels than the defect has; a share of its area never does."""
    return region.saturation is not None and 0 < area < region.saturation
