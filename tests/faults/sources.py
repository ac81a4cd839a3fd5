"""A folder of small images as users have them, in two variants that differ in one training image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

VARIANTS = ("as it was", "changed")
_CHANGED = "train/good/03.png"


def draw_images(root: Path) -> None:
    """Grey ramps; bad ones hold a bright square."""
    for part, count in {"train/good": 18, "test/good": 6, "test/bad": 6}.items():
        (root / part).mkdir(parents=True)
        for i in range(count):
            _save(root / part / f"{i:02d}.png", _picture(f"{part}{i}", is_bad=part.endswith("bad")))


def set_variant(root: Path, variant: str) -> None:
    _save(root / _CHANGED, _picture(variant, is_bad=False))


def _picture(name: str, is_bad: bool) -> np.ndarray:
    rng = np.random.default_rng(list(name.encode()))
    ramp = np.add.outer(np.linspace(0, rng.uniform(60, 120), 32), np.linspace(0, rng.uniform(10, 60), 32))
    ramp += rng.normal(0, 3, ramp.shape)
    if is_bad:
        ramp[8:16, 8:16] += 90
    return ramp.clip(0, 255).astype(np.uint8)


def _save(file: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(file)
