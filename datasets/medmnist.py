"""MedMNIST v2 (Yang et al., Scientific Data 2023), four of its sets, each with one class as the normal one.

    category          normal                            anomalies, by kind                       colour   mirrored
    pneumoniamnist    0 normal                          1 pneumonia                              grey     no
    breastmnist       1 normal or benign (one label)    0 malignant                              grey     yes
    octmnist          3 normal                          0 CNV, 1 DME, 2 drusen                   grey     yes
    retinamnist       0 no retinopathy                  1 to 4 grades of diabetic retinopathy    RGB      yes

Protocol: our own, not a published one. The official parts are kept: normal images of the training part are learnt,
normal ones of the validation part set thresholds, all of the test part are tested; anomalies of the first two are not
used. A chest is not mirrored: its heart would change sides. Note that benign tumours count as normal in breastmnist,
because MedMNIST gives them the label of healthy breasts.

Left out: sets of organs, cells and tissues, where no class is the healthy one; dermamnist and pathmnist, where taking
one for it would be our invention; chestmnist, where an image has several labels.

Files are ``<category>.npz`` (28x28) or ``<category>_64.npz``, ``_128``, ``_224``, as the medmnist package saves them.
A file is held in memory as a whole: octmnist at 224x224 needs 6 GB. Default view: 32x32, the smallest size the
networks take.

Leakage: what is known of the sources stands in ``SETS``. Validation parts were drawn from the sources' training images
at random, so one patient may be in both. The files name no patients: intervals take the images as independent.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Download, Sample, Split, Uint8Image
from bench.errors import DataError
from bench.files import file_digest, text_digest

PARTS = ("train", "val", "test")
SIZES = (28, 64, 128, 224)
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class OneClass:
    """A set, its labels in the order of their numbers, and which of them is normal."""

    labels: tuple[str, ...]
    normal: int
    published: tuple[int, int, int]
    """Images of the official training, validation and test part."""
    channels: int = 1
    mirrored_is_normal: bool = True
    known_leakage: str | None = None


SETS = {
    "pneumoniamnist": OneClass(("normal", "pneumonia"), 0, (4708, 524, 624), mirrored_is_normal=False),
    "breastmnist": OneClass(
        ("malignant", "normal-or-benign"),
        1,
        (546, 78, 156),
        known_leakage="the source (BUSI) repeats 235 images, some as benign and as malignant, and was split at random",
    ),
    "octmnist": OneClass(
        ("choroidal-neovascularization", "diabetic-macular-edema", "drusen", "normal"),
        3,
        (97_477, 10_832, 1_000),
        known_leakage="the source (Kermany's OCT2017) repeats most test patients in training",
    ),
    "retinamnist": OneClass(("no-retinopathy", "grade-1", "grade-2", "grade-3", "grade-4"), 0, (1080, 120, 400), 3),
}


class Params(contracts.Params):
    """Which of the published files is read."""

    size: Literal[28, 64, 128, 224] = Field(28, description="rows and columns of the file: 28, 64, 128 or 224")

    @field_validator("size", mode="before")
    @classmethod
    def _as_number(cls, size: object) -> object:
        return int(size) if isinstance(size, str) and size.isdigit() else size  # --set gives text


class Dataset(contracts.Dataset[Params]):
    """Images ``(S, S)`` or ``(S, S, 3)``, S being ``size``."""

    summary = "MedMNIST, one class normal: chest X-rays, breast ultrasound, retinal OCT, fundus photographs"
    needs = "<category>.npz, or <category>_64.npz and so on, from https://zenodo.org/records/10519652"
    licence = "CC BY 4.0"
    citation = "Yang et al.: MedMNIST v2, Scientific Data 10, 41, 2023, doi:10.1038/s41597-022-01721-8"
    leakage = "as in the sources: octmnist repeats patients and breastmnist images; the files name no patients"
    categories = ("pneumoniamnist", "breastmnist", "octmnist", "retinamnist")
    categories_are_averaged = False
    default_view = "resize:32"
    downloads = (  # of the other files only MD5 sums are public
        Download(
            url="https://zenodo.org/records/10519652/files/pneumoniamnist.npz",
            sha256="e1792d3f03751cb101e99f19a63b3c1941436c988665f47853417b05be250cd8",
            size=4_170_669,
        ),
        Download(
            url="https://zenodo.org/records/10519652/files/breastmnist.npz",
            sha256="3a22d2a4625e7dd8903f0f59030e81a3d0c222bece2e5e10927456cb50efdec1",
            size=559_580,
        ),
    )

    def __init__(self, params: Params, root: Path | None, category: str | None) -> None:
        super().__init__(params, root, category)
        self.name = category or self.categories[0]
        self.one_class = SETS[self.name]
        self.channels = self.one_class.channels
        self.mirrored_is_normal = self.one_class.mirrored_is_normal

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        known = ((name, size) for name in cls.categories for size in SIZES)
        return folder if any(_find(folder, name, size) for name, size in known) else None

    def split(self) -> Split:
        file = self._file()
        arrays = read_npz(file)
        for part in PARTS:
            self._require_shapes(file, part, arrays)
        samples = {part: self._samples(file, part, arrays) for part in PARTS}
        train, val = ([s for s in samples[part] if s.label == NORMAL] for part in ("train", "val"))
        found = {part: len(samples[part]) for part in PARTS}
        published = dict(zip(PARTS, self.one_class.published, strict=True))
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(samples["test"]),
            protocol=f"MedMNIST {self.name}, one class normal" + (" of a subset" if found != published else ""),
            facts={
                "size": self.params.size,
                "normal": self.one_class.labels[self.one_class.normal],
                "train_anomalous_not_used": found["train"] - len(train),
                "val_anomalous_not_used": found["val"] - len(val),
            },
            known_leakage=self.one_class.known_leakage,
            found=found,
            published={"MedMNIST v2": published},
        )

    def _file(self) -> Path:
        file = _find(self.root, self.name, self.params.size)
        if file is None:
            there = sorted(path.name for path in (*self.root.glob("*.npz"), *self.root.glob(f"{self.name}/*.npz")))
            raise DataError(
                f"Expected {_file_name(self.name, self.params.size)} in {self.root} or {self.root / self.name}, found"
                f" {', '.join(there) or 'no npz file'}. Get it from https://zenodo.org/records/10519652."
            )
        return file

    def _require_shapes(self, file: Path, part: str, arrays: Arrays) -> None:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        one = (self.params.size,) * 2 + ((3,) if self.channels == 3 else ())
        if images.dtype != np.uint8 or images.shape[1:] != one or labels.shape != (len(images), 1):
            raise DataError(
                f"{file}: expected {part}_images uint8 (n, {', '.join(map(str, one))}) and {part}_labels (n, 1),"
                f" found {images.dtype} {images.shape} and {labels.shape}. Is it {self.name} at {one[0]}x{one[0]}?"
            )
        known = range(len(self.one_class.labels))
        if strange := sorted(set(labels.flat) - set(known)):
            raise DataError(
                f"{file}: expected labels 0 to {known[-1]} in {part}_labels, found also"
                f" {', '.join(map(str, strange[:10]))}. Is it {self.name}?"
            )

    def _samples(self, file: Path, part: str, arrays: Arrays) -> list[Sample]:
        digest = file_digest(file)
        return [self._sample(file, part, i, int(n), digest) for i, n in enumerate(arrays[f"{part}_labels"].flat)]

    def _sample(self, file: Path, part: str, i: int, number: int, digest: str) -> Sample:
        return Sample(
            id=f"{part}/{i:05d}",
            label=NORMAL if number == self.one_class.normal else ANOMALOUS,
            kind=self.one_class.labels[number],
            read=partial(read_image, file, part, i),
            digest=text_digest(digest, part, i),
            regions=() if number == self.one_class.normal else None,
        )


def read_image(file: Path, part: str, i: int) -> Uint8Image:
    """``(S, S)`` or ``(S, S, 3)``: image ``i`` of a part."""
    return np.asarray(read_npz(file)[f"{part}_images"][i])


def read_npz(file: Path) -> Arrays:
    """Images and labels of all parts; kept in memory for as long as the file stays the same. Raises ``DataError``."""
    return _read_npz(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_npz(file: Path, changed: int) -> Arrays:
    names = [f"{part}_{what}" for part in PARTS for what in ("images", "labels")]
    try:
        with zipfile.ZipFile(file) as archive:
            if missing := [name for name in names if f"{name}.npy" not in archive.namelist()]:
                raise DataError(
                    f"{file}: expected the arrays {', '.join(names)}, found no {', '.join(missing)}."
                    " Get it from https://zenodo.org/records/10519652."
                )
            return {name: _read_npy(archive, f"{name}.npy") for name in names}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{file}: not a readable npz file ({error}). Get the file again.") from error


def _read_npy(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _find(root: Path, name: str, size: int) -> Path | None:
    file = _file_name(name, size)
    return next((path for path in (root / file, root / name / file) if path.is_file()), None)


def _file_name(name: str, size: int) -> str:
    return f"{name}.npz" if size == 28 else f"{name}_{size}.npz"
