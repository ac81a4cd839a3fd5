"""MNIST, one class at a time (LeCun, Cortes, Burges): the category is the digit that is normal.

Protocol: the official training images of the digit, a tenth of them held out for validation; test on all 10,000
official test images, of which about a tenth are normal. Default view: 32x32, the smallest size the networks take
(28 is no power of two). Digits are not mirrored: a mirrored 2 is no digit. No leakage known.
"""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Sample, Split, Uint8Image
from bench.errors import DataError
from bench.files import file_digest, text_digest

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "t10k": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class Params(contracts.Params):
    """How the training images are split."""

    split_seed: int = Field(0, ge=0, description="which training images are held out")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of the training images held out")


class Dataset(contracts.Dataset[Params]):
    """Handwritten digits, ``(28, 28)``."""

    summary = "MNIST, one digit normal, the other nine anomalous"
    needs = "the four idx files of MNIST, gzipped or not: train-images-idx3-ubyte.gz and so on."
    licence = "public; no licence file is distributed with it"
    citation = "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998"
    categories = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    categories_share_images = True
    default_view = "resize:32"

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        nested = (folder / name for name in ("", "MNIST/raw", "raw", "mnist"))
        return next((root for root in nested if _find(root, FILES["train"][0])), None)

    def split(self) -> Split:
        learnable = [s for s in self._samples("train") if s.label == NORMAL]
        order = np.random.default_rng(self.params.split_seed).permutation(len(learnable))
        held = set(order[: max(1, round(self.params.validation_share * len(learnable)))].tolist())
        return Split(
            train=tuple(s for i, s in enumerate(learnable) if i not in held),
            val=tuple(s for i, s in enumerate(learnable) if i in held),
            test=tuple(self._samples("t10k")),
            protocol="MNIST, one digit normal",
        )

    def _samples(self, part: str) -> list[Sample]:
        images, labels = (self._file(name) for name in FILES[part])
        _require_pairs(images, labels)
        digits = read_idx(labels)
        digest = file_digest(images)
        return [self._sample(part, i, int(digit), images, digest) for i, digit in enumerate(digits)]

    def _sample(self, part: str, i: int, digit: int, images: Path, digest: str) -> Sample:
        is_normal = str(digit) == self.category
        return Sample(
            id=f"{part}/{i:05d}",
            label=NORMAL if is_normal else ANOMALOUS,
            kind="good" if is_normal else f"digit-{digit}",
            read=partial(read_digit, images, i),
            digest=text_digest(digest, i),
        )

    def _file(self, name: str) -> Path:
        found = _find(self.root, name)
        if found is None:
            raise DataError(f"Expected {name} or {name}.gz in {self.root}, found neither. All four files are needed.")
        return found


def _require_pairs(images: Path, labels: Path) -> None:
    pictures, digits = read_idx(images).shape, read_idx(labels).shape
    if pictures[1:] != (28, 28) or digits[1:] != ():
        raise DataError(
            f"Expected (n, 28, 28) in {images} and (n,) in {labels}, found {pictures} and {digits}. Are they mixed up?"
        )
    if pictures[0] != digits[0]:
        raise DataError(
            f"Expected as many labels as images, found {digits[0]} in {labels} for {pictures[0]} in {images}."
        )


def read_digit(images: Path, i: int) -> Uint8Image:
    """``(28, 28)``."""
    return np.asarray(read_idx(images)[i])


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An idx file of bytes, any number of dimensions; kept in memory for as long as the file stays the same."""
    return _read_idx(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read_idx(path: Path, changed: int) -> NDArray[np.uint8]:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be unpacked ({error}). Get the file again.") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise DataError(f"{path}: expected an idx file of bytes (starting 00 00 08), found {content[:4].hex(' ')}.")
    shape = np.frombuffer(content, ">u4", count=content[3], offset=4)
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    if data.size != int(shape.prod()):
        raise DataError(f"{path}: expected {int(shape.prod())} bytes of data, found {data.size}. Get the file again.")
    return data.reshape(shape)


def _find(root: Path, name: str) -> Path | None:
    return next((path for path in (root / name, root / f"{name}.gz") if path.is_file()), None)
