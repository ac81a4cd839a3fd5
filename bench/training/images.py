"""What ``Detector.fit`` draws from: whole images or random crops, held as bytes on the device where they fit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.images import ImageCache
from bench.training.pixels import Pixels, room_for
from bench.views import View, from_bytes, resized, tile_corners, to_model_input

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def training_images(view: View, cache: ImageCache, device: torch.device, mirror: bool) -> ResizedImages | PatchImages:
    """The normal images of one part as ``view`` shows them; half of those drawn are mirrored if ``mirror``."""
    if view.stride is None:
        return ResizedImages(view, cache, device, mirror)
    return PatchImages(view, cache, device, mirror)


def _mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    import torch

    chosen = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(chosen, images.flip(-1), images)


class ResizedImages:
    """Whole images of one size."""

    def __init__(self, view: View, cache: ImageCache, device: torch.device, mirror: bool) -> None:
        tiles = room_for((len(cache), view.size, view.size, cache.channels))
        for i in range(len(cache)):
            tiles[i] = resized(cache[i], view.size)
        self._tiles = Pixels(tiles, device)
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
    """Random crops of native images, gathered in one step; no image is read again."""

    def __init__(self, view: View, cache: ImageCache, device: torch.device, mirror: bool) -> None:
        import torch

        view.require_room(cache.shapes)
        self._view, self._cache, self._mirror = view, cache, mirror
        self.size, self.channels = view.size, cache.channels
        put = partial(torch.as_tensor, device=device)
        self._pixels = Pixels(cache.pixels, device)
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
        smaller = f", or take a smaller batch: --set batch_size={max(2, there // 2)}" if there > 1 else ""
        raise DataError(
            f"Expected at least one batch of normal {what} to learn from, found {there} for a batch of {wanted}."
            f" Add images{smaller}."
        )
