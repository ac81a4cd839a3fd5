"""From a fitted detector to one score per image, to maps and redrawn images, and to codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import Detector, Scores
from bench.errors import DivergedError
from bench.images import ImageCache
from bench.out_of_memory import InBatches
from bench.records.record import SCORE, Columns
from bench.views import TileMaps, Tiles, View, to_bytes, to_model_input

TILES_PER_BATCH = 256
KeepMap = Callable[[TileMaps], None]
KeepRedrawn = Callable[[Tiles], None]


@dataclass(frozen=True)
class Answers:
    """What a detector said of n images; an image's score is the highest of its tiles', its code that tile's."""

    columns: Columns
    """Score and parts, ``(n,)`` each."""
    codes: NDArray[np.float32] | None
    """``(n, d)``."""
    tiles_per_batch: int = TILES_PER_BATCH
    """As many as were scored at once: fewer than usual where memory did not suffice."""


def score_images(
    detector: Detector[Any],
    view: View,
    cache: ImageCache,
    device: torch.device,
    advance: Callable[[int], None],
    keep_map: KeepMap | None = None,
    keep_redrawn: KeepRedrawn | None = None,
) -> Answers:
    """Every image's scores, parts and code.

    ``keep_map`` is given the maps ``(tiles, S, S)`` of each image in turn, where the method makes maps, and
    ``keep_redrawn`` the redrawn tiles ``(tiles, S, S, C)``. Raises ``DivergedError`` when a score or a map is not
    finite: no image is ever dropped.
    """
    per_tile: list[Columns] = []
    codes: list[NDArray[np.float32]] = []
    counts: list[int] = []
    maps, redrawn = _ByImage(counts, keep_map), _ByImage(counts, keep_redrawn)
    in_batches = _in_batches(detector, device)
    for tiles, images_begun in _tile_batches(view, cache, counts):
        for scores in in_batches(tiles):
            per_tile.append(_as_columns(scores))
            if scores.code is not None:
                codes.append(scores.code.float().cpu().numpy())
            if keep_map and scores.map is not None:
                maps.add(_finite_maps(scores.map))
            if keep_redrawn and scores.redrawn is not None:
                redrawn.add(to_bytes(scores.redrawn))
        advance(images_begun)
    return replace(_of_images(per_tile, codes, np.array(counts)), tiles_per_batch=in_batches.most)


def _in_batches(detector: Detector[Any], device: torch.device) -> InBatches[Scores]:
    """Scores of tiles, some at a time: they do not depend on the batch that an image comes in."""
    return InBatches(lambda tiles: detector.score(to_model_input(tiles, device)), TILES_PER_BATCH)


def _of_images(per_tile: Sequence[Columns], codes: Sequence[NDArray[np.float32]], counts: NDArray[np.int64]) -> Answers:
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    joined = {name: np.concatenate([batch[name] for batch in per_tile]) for name in per_tile[0]}
    columns = {name: np.maximum.reduceat(values, starts) for name, values in joined.items()}
    _require_finite(columns)
    if not codes:
        return Answers(columns, None)
    by_image = zip(starts, np.split(joined[SCORE], starts[1:]), strict=True)
    highest = [start + int(tiles.argmax()) for start, tiles in by_image]
    return Answers(columns, np.concatenate(codes)[highest])


def _finite_maps(maps: Tensor) -> TileMaps:
    values: TileMaps = maps.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise DivergedError("the anomaly map holds values that are not finite numbers.")
    return values


class _ByImage:
    """Hands on what belongs to an image as soon as it is there for all its tiles."""

    def __init__(self, counts: list[int], keep: Callable[[NDArray[Any]], None] | None) -> None:
        """``counts`` grows while images are begun: the number of tiles of each."""
        self._counts, self._keep = counts, keep
        self._waiting: NDArray[Any] | None = None
        self._next = 0

    def add(self, new: NDArray[Any]) -> None:
        assert self._keep
        self._waiting = new if self._waiting is None else np.concatenate([self._waiting, new])
        while self._next < len(self._counts) and len(self._waiting) >= self._counts[self._next]:
            size = self._counts[self._next]
            self._keep(self._waiting[:size])
            self._waiting = self._waiting[size:]
            self._next += 1


def _tile_batches(view: View, cache: ImageCache, counts: list[int]) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Batches of tiles across images, with the number of images begun; ``counts`` receives the tiles per image."""
    waiting = np.empty((0, view.size, view.size, cache.channels), dtype=np.uint8)
    for i in range(len(cache)):
        tiles = view.tiles(cache[i])
        counts.append(len(tiles))
        waiting = np.concatenate([waiting, tiles])
        while len(waiting) >= TILES_PER_BATCH:
            yield waiting[:TILES_PER_BATCH], i + 1
            waiting = waiting[TILES_PER_BATCH:]
    if len(waiting):
        yield waiting, len(cache)


def _as_columns(scores: Scores) -> dict[str, NDArray[np.float64]]:
    tensors = {SCORE: scores.image, **scores.parts}
    return {name: tensor.double().cpu().numpy().reshape(-1) for name, tensor in tensors.items()}


def _require_finite(columns: Columns) -> None:
    for name, values in columns.items():
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise DivergedError(f"{name} is not a finite number for {bad} of {len(values)} images.")


@dataclass(frozen=True)
class NativeView:
    """One image beside what the detector made of it, all at native resolution."""

    image: NDArray[np.uint8]  # (H, W, C)
    redrawn: NDArray[np.uint8] | None  # (H, W, C)
    map: NDArray[np.float32] | None  # (H, W)


def look_at(detector: Detector[Any], view: View, cache: ImageCache, i: int, device: torch.device) -> NativeView:
    """Map and reconstruction of one image, tiles averaged where they overlap."""
    image = cache[i]
    scored = list(_in_batches(detector, device)(view.tiles(image)))
    native = partial(view.to_native, height=image.shape[0], width=image.shape[1])
    redrawn = [to_bytes(scores.redrawn) for scores in scored if scores.redrawn is not None]
    maps = [scores.map.float().cpu().numpy() for scores in scored if scores.map is not None]
    return NativeView(image, *(native(np.concatenate(parts)) if parts else None for parts in (redrawn, maps)))
