"""The images of the checks: smooth normal ones, blatantly anomalous ones, and labels that notice being looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bench.contracts import ANOMALOUS, NORMAL, Images, Sample, Split, Uint8Image
from bench.images import ImageCache, decode

if TYPE_CHECKING:
    import torch
    from torch import Tensor

NATIVE_SIZE = 72
TRAINING_IMAGES = 48
TESTED = 6
"""Normal test images, and as many anomalous ones."""
_SECRETS = frozenset({"id", "label", "kind", "group", "regions", "source"})


class SecretError(Exception):
    """A method looked at what it must not know."""


class WatchedSample(Sample):
    """A sample that raises ``SecretError`` under the eyes of a method, and remembers it: a method could catch that."""

    _looked_at: ClassVar[list[str] | None] = None

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - as every attribute
        looked_at = WatchedSample._looked_at
        if looked_at is not None and name in _SECRETS:
            looked_at.append(name)
            raise SecretError(f"a method must not look at '{name}' of a sample")
        return super().__getattribute__(name)

    @classmethod
    @contextmanager
    def watching(cls) -> Iterator[list[str]]:
        """Names of the attributes looked at within the block."""
        looked_at: list[str] = []
        WatchedSample._looked_at = looked_at
        try:
            yield looked_at
        finally:
            WatchedSample._looked_at = None


class HandedOver:
    """What ``fit`` is given: the members of ``Images`` and no other, and behind them samples that are watched."""

    def __init__(self, images: Images, samples: Sequence[Sample]) -> None:
        self._images, self.samples = images, samples
        self.size, self.channels = images.size, images.channels

    def __len__(self) -> int:
        return len(self._images)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        return self._images.draw(n, generator)

    def batches(self, n: int) -> Iterator[Tensor]:
        return self._images.batches(n)

    def probe(self, n: int) -> Tensor:
        return self._images.probe(n)


def make_split(channels: int) -> Split:
    """Normal images to learn from; as many anomalous as normal ones in the test part, the normal ones first."""
    parts = {"train": TRAINING_IMAGES, "val": 8, "test": TESTED}
    normal = {name: tuple(_sample(name, i, NORMAL, channels) for i in range(n)) for name, n in parts.items()}
    anomalous = tuple(_sample("test", i, ANOMALOUS, channels) for i in range(TESTED))
    return Split(normal["train"], normal["val"], normal["test"] + anomalous, "conformance")


def _sample(part: str, i: int, label: int, channels: int) -> Sample:
    draw, kind = (draw_anomalous, "texture") if label else (draw_normal, "good")
    name = f"{part}/{kind}/{i:02d}"
    return WatchedSample(name, label, kind, partial(draw, part, i, channels), name, name, () if not label else None)


def draw_normal(part: str, i: int, channels: int) -> Uint8Image:
    """A dark ramp with a soft bright spot, each a little different."""
    rng = np.random.default_rng([len(part), i])
    y, x = np.mgrid[0:NATIVE_SIZE, 0:NATIVE_SIZE] / NATIVE_SIZE
    ramp = 30 + rng.uniform(20, 50) * x + rng.uniform(20, 50) * y
    centre = rng.uniform(0.3, 0.7, 2)
    spot = 50 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 0.02)
    return _in_channels(ramp + spot + rng.normal(0, 2, x.shape), channels)


def draw_anomalous(part: str, i: int, channels: int) -> Uint8Image:
    """Squares of black and white, side by side at random, and more white than black: no normal image is like it."""
    rng = np.random.default_rng([len(part), i, 1])
    squares = rng.random((NATIVE_SIZE // 6, NATIVE_SIZE // 6)) < 0.7
    return _in_channels(255.0 * np.kron(squares, np.ones((6, 6))), channels)


def _in_channels(grey: np.ndarray[Any, Any], channels: int) -> Uint8Image:
    grey = grey.clip(0, 255)
    if channels == 1:
        return grey.astype(np.uint8)
    return np.stack([grey, 0.9 * grey, 0.8 * grey], axis=2).astype(np.uint8)


def in_memory(samples: Sequence[Sample], channels: int) -> ImageCache:
    """The images decoded, as the referee keeps them, but for the disk."""
    images = [decode(sample, channels) for sample in samples]
    sizes = np.array([image.size for image in images])
    return ImageCache(
        pixels=np.concatenate([image.reshape(-1) for image in images]),
        offsets=np.concatenate([[0], np.cumsum(sizes)[:-1]]),
        shapes=np.array([image.shape[:2] for image in images]),
        channels=channels,
        digests=tuple(sample.digest for sample in samples),
    )
