"""A data set for tests: grey ramps; anomalous ones hold a bright square. Twelve images are a patient's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from bench import contracts
from bench.contracts import Region, Sample, Split, Uint8Image
from bench.files import text_digest


class Params(contracts.Params):
    """Sizes of the parts."""

    images: int = Field(96, ge=1, description="training images")
    brightness: int = Field(0, ge=0, le=255, description="added to every image")
    channels: int = Field(1, ge=1, le=3, description="3: the grey image three times")
    tested: int = Field(48, ge=2, description="test images")
    size: int = Field(40, ge=8, description="height and width in pixels")


class Dataset(contracts.Dataset[Params]):
    """Grey ramps."""

    summary = "toy images for tests"
    synthetic = True
    default_view = "resize:64"
    mirrored_is_normal = True

    def __init__(self, params: Params, root: Path | None, category: str | None) -> None:
        super().__init__(params, root, category)
        self.channels = params.channels

    def split(self) -> Split:
        p = self.params
        train = [self._sample("train", i, 0) for i in range(p.images)]
        val = [self._sample("val", i, 0) for i in range(16)]
        test = [self._sample("test", i, i % 2) for i in range(p.tested)]
        return Split(tuple(train), tuple(val), tuple(test), "toy", group_name="patient")

    def _sample(self, part: str, i: int, label: int) -> Sample:
        arguments = (part, i, label, self.params.brightness, self.params.size, self.params.channels)
        regions = (Region(partial(square, self.params.size)),) if label else ()
        return Sample(
            id=f"{part}/{i:03d}",
            label=label,
            kind="square" if label else "good",
            read=partial(draw, *arguments),
            digest=text_digest(*arguments),
            group=f"{part}-{i // 4}",
            regions=regions,
        )


def draw(part: str, i: int, label: int, brightness: int, size: int, channels: int = 1) -> Uint8Image:
    rng = np.random.default_rng([len(part), i, label])
    ramp = np.add.outer(np.linspace(0, 80 + rng.uniform(0, 40), size), np.linspace(0, rng.uniform(10, 60), size))
    ramp += rng.normal(0, 3, ramp.shape)
    if label:
        ramp[square(size)] += 90
    grey = (ramp + brightness).clip(0, 255).astype(np.uint8)
    return grey if channels == 1 else np.repeat(grey[..., None], channels, axis=2)


def square(size: int) -> contracts.Mask:
    mask = np.zeros((size, size), dtype=bool)
    mask[size // 4 : size // 2, size // 4 : size // 2] = True
    return mask
