"""How a native image becomes model input, and how scores and maps come back to it.

``resize:64``      the whole image, scaled to 64x64
``patches:64/32``  random 64x64 crops while training; overlapping tiles, 32 apart, while scoring: an image's score is
                   the highest of its tiles', its map the mean of the tiles' maps where they overlap
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.contracts import Uint8Image
from bench.errors import ConfigError, DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TileMaps = NDArray[np.float32]
"""``(tiles, S, S)``."""
Tiles = NDArray[np.uint8]
"""``(tiles, S, S, C)``."""
Number = TypeVar("Number", bound=np.float32 | np.uint8)
"""Maps are float32, images uint8."""

_SYNTAX = re.compile(r"(?:resize:(?P<resize>\d+)|patches:(?P<patch>\d+)/(?P<stride>\d+))")


@dataclass(frozen=True)
class View:
    """A parsed view; ``stride`` is ``None`` for whole images."""

    size: int
    stride: int | None = None

    def __str__(self) -> str:
        return f"resize:{self.size}" if self.stride is None else f"patches:{self.size}/{self.stride}"

    @classmethod
    def parse(cls, text: str) -> View:
        """From ``resize:SIZE`` or ``patches:SIZE/STRIDE``; raises ``ConfigError``."""
        match = _SYNTAX.fullmatch(text)
        if not match:
            raise ConfigError(f"Expected a view such as resize:64 or patches:64/32, found '{text}'.")
        size = int(match["resize"] or match["patch"])
        stride = int(match["stride"]) if match["stride"] else None
        if not 8 <= size <= 1024 or (stride is not None and not 1 <= stride <= size):
            raise ConfigError(f"Expected a size of 8 to 1024 and a stride of 1 to the size, found '{text}'.")
        return cls(size, stride)

    def at_size(self, size: int) -> View:
        """The same view at another size, the overlap of tiles kept in proportion."""
        return replace(self, size=size, stride=self.stride and max(1, self.stride * size // self.size))

    def different(self, images: int) -> int | None:
        """How many different inputs a method learns from, of so many images; ``None`` of random crops, ever new."""
        return images if self.stride is None else None

    def require_room(self, shapes: NDArray[np.int64]) -> None:
        """Raise ``DataError`` where a tile does not fit into an image; ``shapes`` are ``(images, 2)``, in pixels."""
        if self.stride is None:
            return
        small = np.flatnonzero((shapes < self.size).any(axis=1))
        if len(small):
            height, width = shapes[small[0]]
            raise DataError(
                f"Expected images of at least {self.size}x{self.size} pixels for {self}, found {len(small)} smaller,"
                f" the first {width}x{height}. Take smaller patches or whole images: --view resize:{self.size}."
            )

    def tiles(self, image: Uint8Image) -> NDArray[np.uint8]:
        """``(H, W, C)`` -> ``(tiles, S, S, C)``."""
        if self.stride is None:
            return resized(image, self.size)[None]
        corners = tile_corners(image.shape[0], image.shape[1], self.size, self.stride)
        return np.stack([image[y : y + self.size, x : x + self.size] for y, x in corners])

    def joined(self, tiles: NDArray[Number], height: int, width: int) -> NDArray[Number]:
        """Tiles ``(tiles, S, S, ...)`` of one image as one: ``(S, S, ...)`` of a whole image, else ``(height, width,
        ...)``, the mean of those that overlap; bytes are rounded."""
        if self.stride is None:
            return np.asarray(tiles[0])
        total, count = np.zeros((height, width, *tiles.shape[3:])), np.zeros((height, width))
        corners = tile_corners(height, width, self.size, self.stride)
        for tile, (y, x) in zip(tiles, corners, strict=True):
            total[y : y + self.size, x : x + self.size] += tile
            count[y : y + self.size, x : x + self.size] += 1
        mean = total / count.reshape(height, width, *(1,) * (tiles.ndim - 3))
        return (mean.round() if tiles.dtype == np.uint8 else mean).astype(tiles.dtype)

    def to_native(self, tiles: NDArray[Number], height: int, width: int) -> NDArray[Number]:
        """Maps ``(tiles, S, S)`` or images ``(tiles, S, S, C)`` of one image -> ``(height, width, ...)``."""
        return at_native_size(self.joined(tiles, height, width), height, width)


def at_native_size(values: NDArray[Number], height: int, width: int) -> NDArray[Number]:
    """A map or image ``(h, w, ...)`` scaled to ``(height, width, ...)`` bilinearly; as it is where it has that size."""
    if values.shape[:2] == (height, width):
        return values
    picture = Image.fromarray(values.squeeze(2) if values.shape[2:] == (1,) else values)
    scaled = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    return scaled.reshape(height, width, *values.shape[2:])


def tile_corners(height: int, width: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Top left corners of tiles that cover the image, the last row and column flush with the border."""
    return [(y, x) for y in _positions(height, size, stride) for x in _positions(width, size, stride)]


def _positions(length: int, size: int, stride: int) -> list[int]:
    return sorted({*range(0, length - size, stride), length - size})


def resized(image: Uint8Image, size: int) -> Uint8Image:
    # Pillow's bilinear filter averages when it shrinks, is the same on every device, and works on bytes.
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    small = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return small.reshape(size, size, image.shape[2])


def to_model_input(tiles: NDArray[np.uint8], device: torch.device) -> Tensor:
    """``(N, S, S, C)`` bytes -> ``(N, C, S, S)`` floats in [-1, 1] on ``device``."""
    import torch

    return from_bytes(torch.tensor(tiles, device=device))


def to_bytes(images: Tensor) -> Tiles:
    """``(N, C, S, S)`` floats, cut off outside of [-1, 1] -> ``(N, S, S, C)`` bytes."""
    levels = (images.float().clamp(-1, 1) + 1).mul(127.5).round().byte()
    return levels.permute(0, 2, 3, 1).cpu().numpy()


def from_bytes(tiles: Tensor) -> Tensor:
    """``(N, S, S, C)`` bytes -> ``(N, C, S, S)`` floats in [-1, 1]."""
    return tiles.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
