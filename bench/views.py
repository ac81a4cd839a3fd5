"""How a native image becomes model input, and how scores and maps come back to it.

``resize:64``      the whole image, scaled to 64x64
``patches:64/32``  random 64x64 crops while training; overlapping tiles, 32 apart, while scoring: an image's score is
                   the highest of its tiles', its map the mean of the tiles' maps where they overlap
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.contracts import Uint8Image
from bench.errors import ConfigError, DataError
from bench.images import ImageCache

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

    def tiles(self, image: Uint8Image) -> NDArray[np.uint8]:
        """``(H, W, C)`` -> ``(tiles, S, S, C)``."""
        if self.stride is None:
            return _resized(image, self.size)[None]
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

    def training_images(self, cache: ImageCache, device: torch.device, mirror: bool) -> ResizedImages | PatchImages:
        """What ``Detector.fit`` is given."""
        if self.stride is None:
            return ResizedImages(self, cache, device, mirror)
        return PatchImages(self, cache, device, mirror)


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


def _resized(image: Uint8Image, size: int) -> Uint8Image:
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


def _mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    import torch

    chosen = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(chosen, images.flip(-1), images)


class ResizedImages:
    """Whole images of one size, held as bytes on the device."""

    def __init__(self, view: View, cache: ImageCache, device: torch.device, mirror: bool) -> None:
        import torch

        resized = np.stack([_resized(cache[i], view.size) for i in range(len(cache))])
        self._tiles = torch.from_numpy(resized).to(device)  # (N, S, S, C)
        self._mirror = mirror
        self.size, self.channels = view.size, cache.channels

    def __len__(self) -> int:
        return len(self._tiles)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        import torch

        require_enough(n, len(self), "images")
        chosen = torch.randint(len(self), (n,), generator=generator, device=self._tiles.device)
        images = from_bytes(self._tiles[chosen])
        return _mirrored(images, generator) if self._mirror else images

    def batches(self, n: int) -> Iterator[Tensor]:
        return (from_bytes(self._tiles[start : start + n]) for start in range(0, len(self), n))

    def probe(self, n: int) -> Tensor:
        return from_bytes(self._tiles[:: max(1, -(-len(self) // n))])


class PatchImages:
    """Random crops of native images, gathered on the device in one step; no image is read again."""

    def __init__(self, view: View, cache: ImageCache, device: torch.device, mirror: bool) -> None:
        import torch

        _require_room(view, cache)
        self._view, self._cache, self._mirror = view, cache, mirror
        self.size, self.channels = view.size, cache.channels
        put = partial(torch.as_tensor, device=device)
        self._pixels = put(np.array(cache.pixels))
        self._offsets, self._shapes = put(cache.offsets), put(cache.shapes)
        side = torch.arange(view.size, device=device)
        self._rows, self._columns, self._bands = side.view(-1, 1, 1), side.view(-1, 1), put(np.arange(cache.channels))

    def __len__(self) -> int:
        """Number of positions a crop can take, over all images."""
        return int((self._shapes - self.size + 1).prod(dim=1).sum())

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        import torch

        require_enough(n, len(self), "crops")
        device = self._pixels.device
        image = torch.randint(len(self._shapes), (n,), generator=generator, device=device)
        room = self._shapes[image] - self.size + 1  # (n, 2)
        corner = (torch.rand(n, 2, generator=generator, device=device, dtype=torch.float64) * room).long()
        patches = from_bytes(self._pixels[self._addresses(image, corner)])
        return _mirrored(patches, generator) if self._mirror else patches

    def _addresses(self, image: Tensor, corner: Tensor) -> Tensor:
        """Byte positions ``(n, S, S, C)`` of the crops at ``corner`` (y, x) of each image."""
        y, x = (corner[:, axis].view(-1, 1, 1, 1) for axis in (0, 1))
        width = self._shapes[image, 1].view(-1, 1, 1, 1)
        pixel = (y + self._rows) * width + x + self._columns
        addresses: Tensor = self._offsets[image].view(-1, 1, 1, 1) + pixel * self.channels + self._bands
        return addresses

    def batches(self, n: int) -> Iterator[Tensor]:
        waiting: list[NDArray[np.uint8]] = []
        for i in range(len(self._cache)):
            waiting += list(self._view.tiles(self._cache[i]))
            while len(waiting) >= n:
                yield self._to_input(waiting[:n])
                waiting = waiting[n:]
        if waiting:
            yield self._to_input(waiting)

    def probe(self, n: int) -> Tensor:
        counts = [len(tile_corners(h, w, self.size, self._view.stride or 1)) for h, w in self._cache.shapes.tolist()]
        ends = np.cumsum(counts)
        chosen = np.unique(np.linspace(0, ends[-1] - 1, n).round().astype(int))
        images = np.searchsorted(ends, chosen, side="right")
        firsts = ends - counts
        return self._to_input(
            [self._view.tiles(self._cache[i])[tile - firsts[i]] for i, tile in zip(images, chosen, strict=True)]
        )

    def _to_input(self, tiles: list[NDArray[np.uint8]]) -> Tensor:
        return to_model_input(np.stack(tiles), self._pixels.device)


def require_enough(wanted: int, there: int, what: str) -> None:
    """Raise ``DataError`` when a batch would hold more than there is to draw from."""
    if wanted > there:
        raise DataError(
            f"Expected at least one batch of normal {what} to learn from, found {there} for a batch of {wanted}."
            f" Add images, or take a smaller batch: --set batch_size={max(2, there // 2)}."
        )


def _require_room(view: View, cache: ImageCache) -> None:
    small = np.flatnonzero((cache.shapes < view.size).any(axis=1))
    if len(small):
        height, width = cache.shapes[small[0]]
        raise DataError(
            f"Expected images of at least {view.size}x{view.size} pixels for {view}, found {len(small)} smaller,"
            f" the first {width}x{height}. Take smaller patches or whole images: --view resize:{view.size}."
        )
