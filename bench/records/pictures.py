"""Anomaly maps and redrawn images of a run, kept beside its record: as small as the view makes them, native when read.

``maps/values.f32``     every map of a test image, one after the other, float32
``redrawn/values.u8``   every redrawn test image, bytes
``*/index.json``        ids of the images, their native sizes, and the shapes in which they are stored
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from bench.errors import StoreError
from bench.views import View, at_native_size

MAPS, REDRAWN = "maps", "redrawn"
_TYPES: dict[str, tuple[str, np.dtype[Any]]] = {
    MAPS: ("values.f32", np.dtype(np.float32)),
    REDRAWN: ("values.u8", np.dtype(np.uint8)),
}


_Size = Annotated[int, Field(ge=1, le=100_000)]


class _Index(BaseModel):
    """``index.json``: one entry for each image."""

    ids: list[str]
    native: list[tuple[_Size, _Size]]
    stored: list[tuple[_Size, _Size] | tuple[_Size, _Size, _Size]]


def _damaged(folder: Path, found: str) -> StoreError:
    return StoreError(f"{found} The {folder.name} are damaged: repeat the run with --force.")


class PictureWriter:
    """Takes the pictures of a part's images in order; the index comes last and says that all is there."""

    def __init__(self, folder: Path, view: View, ids: Sequence[str], native: NDArray[np.int64]) -> None:
        """``folder`` is called ``maps`` or ``redrawn``; ``native``: ``(n, 2)`` height and width of the images."""
        shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was interrupted
        folder.mkdir(parents=True)
        self.folder = folder
        self._view, self._ids, self._native = view, list(ids), native.tolist()
        self._shapes: list[tuple[int, ...]] = []
        name, self._dtype = _TYPES[folder.name]
        self._stream = (folder / name).open("wb")

    def __enter__(self) -> PictureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()
        if not self._shapes:  # the method makes none
            shutil.rmtree(self.folder)
        elif kind is None and len(self._shapes) == len(self._ids):
            index = {"ids": self._ids, "native": self._native, "stored": self._shapes}
            (self.folder / "index.json").write_text(json.dumps(index))

    def add(self, tiles: NDArray[Any]) -> None:
        """The next image's maps ``(tiles, S, S)`` or redrawn tiles ``(tiles, S, S, C)``."""
        height, width = self._native[len(self._shapes)]
        values = self._view.joined(tiles, height, width)
        self._stream.write(np.ascontiguousarray(values, dtype=self._dtype).tobytes())
        self._shapes.append(values.shape)


@dataclass(frozen=True)
class StoredPictures:
    """Maps or redrawn images that a run left behind."""

    ids: tuple[str, ...]
    native: NDArray[np.int64]
    _shapes: tuple[tuple[int, ...], ...]
    _values: NDArray[Any]
    _starts: NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path) -> StoredPictures | None:
        """``None`` where none were kept; raises ``StoreError`` where they are damaged."""
        if not (folder / "index.json").is_file():
            return None
        name, dtype = _TYPES[folder.name]
        try:
            index = _Index.model_validate_json((folder / "index.json").read_bytes())
            values = np.memmap(folder / name, dtype=dtype, mode="r")
        except (OSError, ValueError) as error:
            raise _damaged(folder, f"{folder / 'index.json'} and {name}: expected pictures, found {error}.") from error
        sizes = np.array([prod(shape) for shape in index.stored], dtype=np.int64)
        if len(values) != sizes.sum() or not len(index.ids) == len(index.native) == len(index.stored):
            raise _damaged(folder, f"{folder / name}: expected {sizes.sum()} numbers, found {len(values)}.")
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        return cls(tuple(index.ids), np.array(index.native), tuple(index.stored), values, starts)

    def __len__(self) -> int:
        return len(self.ids)

    def as_stored(self, i: int) -> NDArray[Any]:
        """``(h, w)`` or ``(h, w, C)``, as small as the view made it."""
        start = int(self._starts[i])
        return np.array(self._values[start : start + prod(self._shapes[i])]).reshape(self._shapes[i])

    def __getitem__(self, i: int) -> NDArray[Any]:
        """``(H, W)`` or ``(H, W, C)`` at the image's own resolution, scaled bilinearly where the view's is lower."""
        height, width = map(int, self.native[i])
        return at_native_size(self.as_stored(i), height, width)
