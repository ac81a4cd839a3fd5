"""What is refused, and what has no interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bench.metrics.ranking import BoolArray, FloatArray, IntArray, check_scores
from bench.metrics.resampling import group_numbers


def images_by_class(anomalous: BoolArray) -> tuple[int, int]:
    """How many of ``(N,)`` images are normal, and how many anomalous."""
    positives = int(anomalous.sum())
    return len(anomalous) - positives, positives


def why_too_few(units: tuple[int, int], unit: str) -> str | None:
    """Why nothing can be said of other samples: fewer than two ``units`` of normal or of anomalous images."""
    for count, name in zip(units, ("normal", "anomalous"), strict=True):
        if count < 2:
            return f"fewer than two {unit}s of {name} images to draw from"
    return None


def why_degenerate(area: float | None, units: tuple[int, int], unit: str) -> str | None:
    """Why no interval can be stated: ``units`` of normal and of anomalous images vary from sample to sample."""
    too_few = why_too_few(units, unit)
    if too_few:
        return too_few
    if area in (0, 1):
        return f"AUROC is {area:.0f}: every resample of these images would give the same"
    return None


def stand_alone(groups: Sequence[str | None]) -> bool:
    """Whether no group holds several images."""
    return bool(np.bincount(group_numbers(groups)).max(initial=0) <= 1)


def check_level(level: float) -> None:
    """Raises ``ValueError`` unless 0 < ``level`` < 1."""
    if not 0 < level < 1:
        raise ValueError(f"Expected 0 < level < 1, found {level}.")


def check_resamples(resamples: int, level: float) -> None:
    """Raises ``ValueError`` on a level outside (0, 1), or on fewer resamples than one in each tail of it."""
    check_level(level)
    if resamples * (1 - level) < 2 - 1e-9:
        raise ValueError(f"Expected a resample in each tail of level {level}, found {resamples} resamples.")


def check_length(groups: int, images: int) -> None:
    """Raises ``ValueError`` unless each image has one group."""
    if groups != images:
        raise ValueError(f"Expected one group for each image, found {groups} groups and {images} images.")


def check_classes(classes: ArrayLike) -> IntArray:
    """``classes`` as ``(N,)`` whole numbers: 0 for normal images, 1 to K for the kinds of anomaly.

    Raises ``ValueError`` unless each of them has an image.
    """
    found = np.asarray(classes)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"Expected classes as whole numbers of shape (N,), found {found.dtype} of {found.shape}.")
    present = np.unique(found)
    if len(present) < 2 or not np.array_equal(present, np.arange(len(present))):
        raise ValueError(
            "Expected images of class 0 (normal) and of each class 1 to K (kinds of anomaly), K > 0,"
            f" found classes {present.tolist()}."
        )
    return found.astype(np.int64)


def check_scorings(scores: ArrayLike, images: int) -> FloatArray:
    """``scores`` as ``(S, images)``, a row for each seed; ``(images,)`` is one seed.

    Raises ``ValueError`` on other shapes, and on scores that are not finite.
    """
    found = np.asarray(scores, dtype=np.float64)
    rows = found[None] if found.ndim == 1 else found
    if rows.ndim != 2 or rows.shape[1] != images or not len(rows):
        raise ValueError(f"Expected scores of shape (seeds, {images}), found {found.shape}.")
    check_scores(rows.ravel())
    return rows
