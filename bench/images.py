"""Every image of a split decoded and verified once, then kept as one memory-mapped array of bytes.

Nothing is read from the original files again: training and scoring draw from this cache, which is keyed by content.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.contracts import ANOMALOUS, Mask, Region, Sample, Split, Uint8Image
from bench.derived import ensure_built
from bench.errors import DataError
from bench.files import cache_folder, file_digest, text_digest

_SHOWN = 20
Result = TypeVar("Result")


@dataclass(frozen=True)
class ImageCache:
    """Native images of one part: image ``i`` is ``pixels[offset[i]:][: h * w * channels]``, rows first."""

    pixels: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    shapes: NDArray[np.int64]  # (n, 2): height, width
    channels: int
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, i: int) -> Uint8Image:
        """``(H, W, C)`` without a copy."""
        height, width = map(int, self.shapes[i])
        start = int(self.offsets[i])
        return self.pixels[start : start + height * width * self.channels].reshape(height, width, self.channels)


def manifest(split: Split) -> str:
    """The split as CSV: part, id, label, kind, group, content and regions of every image, in order; none is decoded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["part", "id", "label", "kind", "group", "content", "regions"])
    for part, samples in split.parts().items():
        for s in samples:
            writer.writerow([part, s.id, s.label, s.kind, s.group or "", s.digest, _listed(s.regions)])
    return text.getvalue()


def _listed(regions: tuple[Region, ...] | None) -> str:
    """Empty where nobody annotated pixels, ``[]`` where there is known to be no defect."""
    if regions is None:
        return ""
    return json.dumps([(r.name, r.saturation, r.relative, r.source.name if r.source else None) for r in regions])


def manifest_digest(split: Split) -> str:
    """Fingerprint of the data: the SHA-256 of the manifest, and so of the ``split.csv`` that every run leaves."""
    return sha256(manifest(split).encode()).hexdigest()


def images_folder() -> Path:
    """Where decoded images are kept, a folder for each data set, loader and settings that were ever used."""
    return cache_folder() / "images"


def cached_images(
    split: Split, channels: int, identity: str, advance: Callable[[int, int], None]
) -> dict[str, ImageCache]:
    """The split's images, decoded now or taken from the cache.

    ``identity`` names whatever besides the manifest decides the decoded pixels (the loader's code and settings);
    ``advance(done, total)`` reports progress. Raises ``DataError`` listing every unreadable file and every mask that
    does not fit its image or shows no defect, and naming images found both in training and in test.
    """
    root = images_folder() / text_digest("cache 4", manifest_digest(split), channels, identity)[:24]
    total = sum(map(len, split.parts().values()))
    ensure_built(
        root,
        lambda folder: _build(split, channels, folder, lambda done: advance(done, total)),
        lambda folder: next(filter(None, (_damage(folder / part, channels) for part in split.parts())), None),
        lambda: advance(0, total),
    )
    caches = {part: _open(root / part, channels) for part in split.parts()}
    _refuse_leaks(split, caches)
    return caches


def _build(split: Split, channels: int, folder: Path, advance: Callable[[int], None]) -> None:
    problems: list[str] = []
    done = 0
    for part, samples in split.parts().items():
        problems += _write_part(samples, channels, folder / part, lambda n, done=done: advance(done + n))  # type: ignore[misc]
        done += len(samples)
    _refuse(problems)


def _damage(folder: Path, channels: int) -> str | None:
    """What is wrong with a part that was written: cut short, gone, or not the bytes that were decoded.

    These are read the first time alone: then their digest is remembered by the file's size and time of change, so that
    a bit that a disk flips later is not seen.
    """
    try:
        index = json.loads((folder / "index.json").read_text())
        expected, found = _bytes(index, channels), (folder / "pixels.u8").stat().st_size
        intact = index["pixels_sha256"] == file_digest(folder / "pixels.u8")
    except (OSError, ValueError, KeyError, TypeError, DataError) as error:
        return f"{folder}: {error}"
    if expected != found:
        return f"{folder / 'pixels.u8'}: expected {expected} bytes, found {found}"
    return None if intact else f"{folder / 'pixels.u8'}: not the bytes that were decoded"


def _bytes(index: dict[str, Any], channels: int) -> int:
    return sum(int(height) * int(width) * channels for height, width in index["shapes"])


def _write_part(samples: Sequence[Sample], channels: int, folder: Path, advance: Callable[[int], None]) -> list[str]:
    """Write one part; returns the problems found, so that all of them can be told at once."""
    folder.mkdir()
    problems: list[str] = []
    shapes: list[tuple[int, int]] = []
    digests: list[str] = []
    written = sha256()
    with (folder / "pixels.u8").open("wb") as stream:
        for n, outcome in enumerate(each(samples, lambda sample: _verified(sample, channels)), 1):
            if isinstance(outcome, list):
                problems += outcome
            else:
                stream.write(pixels := outcome.tobytes())
                written.update(pixels)
                shapes.append(outcome.shape[:2])
                digests.append(content_digest(outcome))
            advance(n)
        stream.flush()
        os.fsync(stream.fileno())
    index = {"shapes": shapes, "digests": digests, "pixels_sha256": written.hexdigest()}
    (folder / "index.json").write_text(json.dumps(index))
    return problems


def each(samples: Sequence[Sample], work: Callable[[Sample], Result]) -> Iterator[Result]:
    """``work(sample)`` of every sample, in order, on several threads: decoders let go of Python's lock."""
    workers = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(samples), 256):  # bounded: decoded images must not pile up before the writer
            yield from pool.map(work, samples[start : start + 256])


def decode(sample: Sample, channels: int) -> Uint8Image:
    """``(H, W, C)``, contiguous; raises ``DataError`` if it cannot be read or is none of 8 bits and ``C`` channels."""
    image = sample.read()
    image = image[:, :, None] if image.ndim == 2 else image
    if image.dtype != np.uint8 or image.shape[2] != channels:
        found = f"{image.dtype} {image.shape}"
        raise DataError(f"{sample.source or sample.id}: expected uint8 with {channels} channel(s), found {found}")
    return np.ascontiguousarray(image)


def content_digest(image: Uint8Image) -> str:
    """SHA-256 of shape and pixels: equal for the same picture in two files, however they are compressed."""
    return sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def misfit(sample: Sample, region: Region, mask: Mask, shape: tuple[int, ...]) -> str | None:
    """What is wrong if the mask ``(H, W)`` of a region is none, or not as large as its image."""
    if mask.dtype != bool:
        return f"{name_of(sample, region)}: expected a mask of true and false, found {mask.dtype}"
    if mask.shape == shape[:2]:
        return None
    return (
        f"{name_of(sample, region)}: mask is {mask.shape[1]}x{mask.shape[0]},"
        f" its image {shape[1]}x{shape[0]} (width x height)"
    )


def _unusable(sample: Sample, region: Region, shape: tuple[int, ...]) -> str | None:
    """What would keep maps from being measured against a region: told now, and not after hours of training."""
    mask = region.read()
    if problem := misfit(sample, region, mask, shape):
        return problem
    if sample.label == ANOMALOUS and not mask.any():
        return f"{name_of(sample, region)}: mask shows no defect, its image is anomalous; draw it or take both out"
    return None


def name_of(sample: Sample, region: Region) -> str:
    """The mask's file, or whose region it is."""
    return str(region.source or f"{sample.id}, {region.name}")


def _verified(sample: Sample, channels: int) -> Uint8Image | list[str]:
    """The image, or what is wrong with it or its masks."""
    try:
        image = decode(sample, channels)
        found = (_unusable(sample, region, image.shape) for region in sample.regions or ())
        return [problem for problem in found if problem] or image
    except DataError as error:
        return [str(error)]


def _refuse(problems: Iterable[str]) -> None:
    listed = list(problems)
    if not listed:
        return
    shown = "\n  ".join(listed[:_SHOWN])
    more = f"\n  … and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    raise DataError(
        f"{len(listed)} file(s) cannot be used:\n  {shown}{more}\n"
        "Replace or remove them and start again; nothing was written."
    )


def _open(folder: Path, channels: int) -> ImageCache:
    index = json.loads((folder / "index.json").read_text())
    shapes = np.array(index["shapes"], dtype=np.int64).reshape(-1, 2)
    areas = shapes.prod(axis=1) * channels
    # Copied on writing, so that the file never changes; torch wants arrays that could be written.
    pixels = np.memmap(folder / "pixels.u8", dtype=np.uint8, mode="c")
    offsets = np.concatenate([[0], np.cumsum(areas)[:-1]])
    return ImageCache(pixels, offsets, shapes, channels, tuple(index["digests"]))


def duplicates_across(split: Split, caches: dict[str, ImageCache]) -> list[tuple[str, str, str]]:
    """``(id in train or val, id in test, content hash)`` of images that stand on both sides, pixel for pixel."""
    seen: dict[str, list[str]] = defaultdict(list)
    for part in ("train", "val"):
        for sample, digest in zip(split.parts()[part], caches[part].digests, strict=True):
            seen[digest].append(sample.id)
    tested = zip(split.test, caches["test"].digests, strict=True)
    return [(twin, sample.id, digest) for sample, digest in tested for twin in seen.get(digest, ())]


def _refuse_leaks(split: Split, caches: dict[str, ImageCache]) -> None:
    twins = duplicates_across(split, caches)
    if twins and split.known_leakage is None:
        listed = "\n  ".join(f"{a} = {b}  (content {digest[:12]})" for a, b, digest in twins[:_SHOWN])
        raise DataError(
            f"{len(twins)} test image(s) stand in the training data too, pixel for pixel:\n  {listed}\n"
            "A score on images that were learnt means nothing. Remove one of each pair and start again."
        )
