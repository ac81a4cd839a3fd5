"""Anomaly maps as files: read from others' methods, written from ours.

<maps>/<category>/<sample's id without its suffix>.tiff    no <category>/ for data sets without categories

For MVTec LOCO this is the layout its evaluator asks for: ``<maps>/<category>/test/<kind>/<stem>.tiff``.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

import numpy as np
import tifffile
from numpy.typing import NDArray

from bench.errors import SHOWN, DataError, refuse_all
from bench.files import file_digest, text_digest
from bench.writing import replace_file

Map = NDArray[np.float32] | NDArray[np.float64]
"""``(H, W)`` scores of one image's pixels; higher is more anomalous."""

MAP_SUFFIXES = (".tiff", ".tif", ".npy")

_KEPT_AS = dict.fromkeys(("float16", "float32", "uint8", "int8", "uint16", "int16"), np.float32) | dict.fromkeys(
    ("float64", "uint32", "int32"), np.float64
)
"""The float type that holds every number of a stored type exactly."""


class Named(Protocol):
    """Anything with the id of a test image, such as a ``Sample``."""

    @property
    def id(self) -> str: ...


# Remarks on odd but readable files would otherwise reach the terminal between the lines of a progress bar.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def map_path(folder: Path, category: str | None, sample: Named) -> Path:
    """Where the map of a sample is written."""
    return _base(folder, category) / f"{stem(sample)}.tiff"


def require_distinct_maps(test: Sequence[Named]) -> None:
    """Raise ``DataError`` if two samples differ in nothing but their suffix: their maps would be one file."""
    count = Counter(map(stem, test))
    shared = [sample.id for sample in test if count[stem(sample)] > 1]
    refuse_all(
        "Expected test images whose names without suffix differ, so that each has a map of its own.",
        {"test image(s) share theirs with another": shared},
        "Rename one of each.",
    )


def write_map(file: Path, values: NDArray[Any]) -> None:
    """A map ``(H, W)`` as an uncompressed float64 TIFF, whole or not at all."""
    if values.ndim != 2:
        raise ValueError(f"expected a map (H, W), found shape {values.shape}")
    with replace_file(file) as temporary:
        tifffile.imwrite(temporary, np.asarray(values, dtype=np.float64), photometric="minisblack", metadata=None)


@dataclass(frozen=True)
class MapFiles:
    """One map file for each test sample, in their order."""

    folder: Path
    files: tuple[Path, ...]

    @classmethod
    def find(cls, folder: Path, category: str | None, test: Sequence[Named]) -> MapFiles:
        """Match maps and samples by name. Raises one ``DataError`` for all that is missing, surplus or there twice."""
        base = _base(folder, category)
        if not base.is_dir():
            raise DataError(_elsewhere(folder, category, test))
        require_distinct_maps(test)
        found, wanted = _maps_below(base), [stem(sample) for sample in test]
        strange, present = set(found).difference(wanted), set(found).intersection(wanted)
        refuse_all(
            f"Expected one map for each of {len(wanted)} test images in {base}.",
            {
                "test image(s) have no map (.tiff, .tif or .npy)": [f"{s}.tiff" for s in wanted if s not in present],
                "map(s) belong to no test image": [_name(f, base) for s in sorted(strange) for f in found[s]],
                "test image(s) have more than one map": [
                    ", ".join(_name(f, base) for f in found[s]) for s in sorted(present) if len(found[s]) > 1
                ],
            },
            "A map has its test image's path and name, whatever the suffix; nothing else may lie beside the maps.",
        )
        return cls(base, tuple(found[stem][0] for stem in wanted))

    def __len__(self) -> int:
        return len(self.files)

    def read(self, i: int) -> Map:
        """The map of test sample ``i``, ``(H, W)``, rounded nowhere: float64 stays, less becomes float32 or float64.

        Raises ``DataError`` naming a file that cannot be read or holds no two-dimensional map of real numbers.
        """
        file = self.files[i]
        values = _read_npy(file) if file.suffix.lower() == ".npy" else _read_tiff(file)
        if values.ndim != 2:
            raise DataError(f"{file}: expected one number per pixel (H, W), found shape {values.shape}.")
        kept_as = _KEPT_AS.get(values.dtype.name)
        if kept_as is None:
            raise DataError(
                f"{file}: expected floats of 16, 32 or 64 bits or integers of 8, 16 or 32, found {values.dtype.name}."
            )
        return cast(Map, np.ascontiguousarray(values, dtype=kept_as))

    def check(
        self,
        shapes: Sequence[tuple[int, int]] | Callable[[int], tuple[int, int]],
        advance: Callable[[int], object] = lambda done: None,
    ) -> None:
        """Read every map once, keeping none, and raise one ``DataError`` for all that cannot be used.

        ``shapes`` holds, or answers with, the ``(H, W)`` of each test image; ``advance`` is told how many are done.
        """
        wanted = map(shapes, range(len(self))) if callable(shapes) else shapes
        problems = defaultdict[str, list[str]](list)
        for i, shape in zip(range(len(self)), wanted, strict=True):
            for sort, text in self._problems(i, shape):
                problems[sort].append(text)
            advance(i + 1)
        refuse_all(
            f"Expected in {self.folder} maps of the size of their images, with a finite number for every pixel.",
            problems,
            "Maps are never resized or filled here: write them anew.",
        )

    def _problems(self, i: int, shape: tuple[int, int]) -> Iterator[tuple[str, str]]:
        file = self.files[i]
        try:
            values = self.read(i)
        except DataError as error:
            yield "map(s) cannot be used", str(error)
            return
        if values.shape != shape:
            sizes = f"map {_size(values.shape)}, image {_size(shape)}"
            yield "map(s) have another size than their image", f"{file}: {sizes}"
        if bad := values.size - int(np.count_nonzero(np.isfinite(values))):
            yield "map(s) hold NaN or infinite values", f"{file}: {bad} of {values.size} pixels"

    def digest(self) -> str:
        """SHA-256 over the names and contents of the files, in order."""
        parts = [part for file in self.files for part in (_name(file, self.folder), file_digest(file))]
        return text_digest(*parts)


def _base(folder: Path, category: str | None) -> Path:
    return folder / category if category else folder


def stem(sample: Named) -> str:
    return PurePosixPath(sample.id).with_suffix("").as_posix()


def _name(file: Path, base: Path) -> str:
    return file.relative_to(base).as_posix()


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _maps_below(base: Path) -> dict[str, list[Path]]:
    """Every map below ``base`` under its path without suffix; hidden and AppleDouble (``._x``) files left out."""
    found = defaultdict[str, list[Path]](list)
    for parent, folders, names in os.walk(base, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            if file.suffix.lower() in MAP_SUFFIXES:
                found[_name(file.with_suffix(""), base)].append(file)
    return found


def _elsewhere(folder: Path, category: str | None, test: Sequence[Named]) -> str:
    """Why there is no folder of that category, and what to type instead."""
    if not folder.is_dir() or category is None:
        return f"Expected a folder of anomaly maps at {folder}, found {'a file' if folder.exists() else 'nothing'}."
    inside = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    expected = f"Expected the maps of {category} in {folder / category}, found no such folder."
    for parent in (folder.resolve().parent, *inside):
        if (parent / category).is_dir():
            return f"{expected} {parent / category} is there: give {parent} instead."
    if (folder / test[0].id.split("/")[0]).is_dir():
        return f"{expected} {folder} seems to be the category's own folder: put what it holds into {folder / category}."
    listed = ", ".join(item.name for item in inside[:SHOWN]) + (", …" if len(inside) > SHOWN else "")
    return f"{expected} In {folder} lie: {listed or 'no files'}."


def _read_npy(file: Path) -> NDArray[Any]:
    with _decoding(file), file.open("rb") as stream:
        values: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return values


def _read_tiff(file: Path) -> NDArray[Any]:
    with _decoding(file), tifffile.TiffFile(file) as tiff:
        if len(tiff.pages) != 1:
            raise DataError(f"{file}: expected one page, found {len(tiff.pages)}.")
        page = tiff.pages.first
        if page.samplesperpixel == 1 and page.photometric != tifffile.PHOTOMETRIC.MINISBLACK:
            found = tifffile.PHOTOMETRIC(page.photometric).name
            raise DataError(f"{file}: expected higher numbers to mean brighter (MINISBLACK), found {found}.")
        return page.asarray()


@contextmanager
def _decoding(file: Path) -> Iterator[None]:
    """A damaged file makes decoders fail with nearly any exception; here they all mean the same."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{file}: not a readable map ({type(error).__name__}: {error})") from error
