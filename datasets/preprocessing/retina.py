"""Straightening of retinal OCT B-scans, and the white wedges that scanner exports leave at their border.

f-AnoGAN (Schlegl et al. 2019) is reported to have been trained on patches of *flattened* retinas. This is second-hand:
its code takes patches that were made before. Here both borders of the retina are found as best paths through a contrast
image (dynamic programming over columns, after Chiu et al., Opt. Express 18, 2010), and the lower one is
smoothed by a polynomial that disregards bumps: a druse lifts the pigment epithelium, and a flattening that followed it
would hide the druse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bench.contracts import Uint8Image

Curve = NDArray[np.float64]
"""One row (possibly fractional) per column."""

Pixels = TypeVar("Pixels", np.uint8, np.bool_)

# Surfaces are sought on a coarse grid, so that every length below is independent of the scan's resolution:
# a working row is about 8 micrometres deep when a scan covers the usual 1.9 mm.
WORKING_ROWS, WORKING_COLUMNS = 248, 128
MAX_STEP = 3  # working rows per working column
THINNEST_RETINA = 16  # working rows: about 125 micrometres, a deep foveal pit

WHITE = 235  # wedges are 255 blurred by JPEG
NARROWEST_WEDGE = 20  # pixels along the border; the bright pigment epithelium crosses it in fewer
JPEG_RINGING = 4  # pixels beside a wedge that compression has stained


@dataclass(frozen=True)
class Flattening:
    """Surfaces of one scan ``(W,)``, in rows, and the whole-pixel shifts that straighten the lower one."""

    top: Curve
    """Inner limiting membrane: vitreous above, retina below."""
    bottom: Curve
    """Bruch's membrane: pigment epithelium above, choroid below; smooth under bumps."""
    height: int
    below: int
    """Rows of choroid that are kept under the straightened surface."""
    background: int
    """Grey value where the crop reaches beyond the scan."""

    def apply(self, image: NDArray[Pixels]) -> NDArray[Pixels]:
        """``(H, W)`` image or mask to ``(height, W)``; the bottom surface lies in row ``height - below - 1``."""
        first = np.rint(self.bottom).astype(np.intp) - (self.height - self.below - 1)
        rows = first[None, :] + np.arange(self.height)[:, None]
        inside = (rows >= 0) & (rows < image.shape[0])
        moved = np.take_along_axis(image, rows.clip(0, image.shape[0] - 1), axis=0)
        outside = image.dtype.type(0 if image.dtype == bool else self.background)
        return np.where(inside, moved, outside)


def flatten_retina(image: Uint8Image, height: int, below: int) -> Flattening:
    """Find both surfaces of a grey B-scan ``(H, W)`` and plan its straightened crop of ``height`` rows."""
    coarse = _coarse(image)
    top = _best_path(_top_contrast(coarse))
    edge = _best_path(_bottom_contrast(coarse, top))
    bottom = _smooth_under_bumps(edge, _signal(coarse, edge))
    return Flattening(
        top=_to_native(top, image.shape, coarse.shape),
        bottom=_to_native(bottom, image.shape, coarse.shape),
        height=height,
        below=below,
        background=background_level(image),
    )


def background_level(image: Uint8Image) -> int:
    """The grey value of empty vitreous: a low percentile of what is neither wedge nor black margin."""
    grey = image[(image > 0) & (image < WHITE)]
    return int(np.percentile(grey, 15)) if grey.size else 0


# ------------------------------------------------------------------------------------------ surfaces


def _coarse(image: Uint8Image) -> NDArray[np.float64]:
    down, across = (max(1, round(n / m)) for n, m in zip(image.shape, (WORKING_ROWS, WORKING_COLUMNS), strict=True))
    rows, columns = image.shape[0] // down, image.shape[1] // across
    blocks = image[: rows * down, : columns * across].reshape(rows, down, columns, across)
    return ndimage.gaussian_filter(blocks.mean(axis=(1, 3)), (1.0, 1.5))


def _to_native(curve: Curve, native: tuple[int, ...], coarse: tuple[int, ...]) -> Curve:
    down, across = native[0] // coarse[0], native[1] // coarse[1]
    centres = (np.arange(coarse[1]) + 0.5) * across - 0.5
    return np.interp(np.arange(native[1]), centres, (curve + 0.5) * down - 0.5)


def _mean_over(image: NDArray[np.float64], first: int, last: int) -> NDArray[np.float64]:
    """Mean of rows ``first`` to ``last``, counted from each pixel's own row."""
    sums = np.pad(image.cumsum(axis=0), ((1, 0), (0, 0)))
    row = np.arange(len(image))
    start, stop = (row + first).clip(0, len(image) - 1), (row + last + 1).clip(1, len(image))
    mean: NDArray[np.float64] = (sums[stop] - sums[start]) / (stop - start)[:, None]
    return mean


def _top_contrast(coarse: NDArray[np.float64]) -> NDArray[np.float64]:
    # Relative, since the step from black vitreous to grey retina is smaller than steps within the retina;
    # over long stretches of rows, since membranes in the vitreous are as sharp but thin.
    above, below = _mean_over(coarse, -10, -1), _mean_over(coarse, 0, 24)
    return (below - above) / (below + above + 10)


def _bottom_contrast(coarse: NDArray[np.float64], top: Curve) -> NDArray[np.float64]:
    band = _mean_over(coarse, -4, 0)
    drop = band - _mean_over(coarse, 1, 5)
    over_choroid, over_retina = band - _mean_over(coarse, 8, 24), band - _mean_over(coarse, -24, -8)
    contrast: NDArray[np.float64] = (drop + 0.3 * over_choroid + 0.3 * over_retina) / (coarse.max() + 1)
    contrast[np.arange(len(coarse))[:, None] < top + THINNEST_RETINA] = -1
    return contrast


def _best_path(score: NDArray[np.float64], stiffness: float = 0.01) -> Curve:
    """Row per column with the greatest sum of ``score``, at most ``MAX_STEP`` rows apart in neighbouring columns."""
    steps = np.arange(-MAX_STEP, MAX_STEP + 1)
    penalty = stiffness * np.abs(steps)[:, None]
    came_from = np.empty(score.shape, dtype=np.intp)
    total = score[:, 0]
    for column in range(1, score.shape[1]):
        padded = np.pad(total, MAX_STEP, constant_values=-np.inf)
        reached = np.lib.stride_tricks.sliding_window_view(padded, len(total)) - penalty
        best = reached.argmax(axis=0)
        came_from[:, column] = np.arange(len(total)) + steps[best]
        total = reached[best, np.arange(len(total))] + score[:, column]
    return _trace_back(came_from, int(total.argmax()))


def _trace_back(came_from: NDArray[np.intp], row: int) -> Curve:
    path = np.empty(came_from.shape[1])
    for column in range(len(path) - 1, -1, -1):
        path[column] = row
        row = came_from[row, column]
    return path


def _signal(coarse: NDArray[np.float64], edge: Curve) -> Curve:
    """Brightness just above the edge, as a share of the scan's typical one: low in shadows and black margins."""
    brightness = _mean_over(coarse, -4, 0)[edge.astype(np.intp), np.arange(len(edge))]
    return np.minimum(brightness / (np.median(brightness) + 1), 1)


def _smooth_under_bumps(edge: Curve, weight: Curve, degree: int = 5, rounds: int = 12) -> Curve:
    """Polynomial by reweighted least squares; points lying above it count less than points below it."""
    columns = np.linspace(-1, 1, len(edge))
    trust = weight
    curve = edge
    for turn in range(rounds):
        bend = min(2 + turn // 2, degree)  # stiff at first, or the ends follow a false edge from the start
        curve = np.polynomial.Chebyshev.fit(columns, edge, bend, w=np.sqrt(trust) + 1e-3)(columns)
        lifted = curve - edge  # rows count downwards: positive where the edge lies above the curve
        tolerance = np.where(lifted > 0, 1.5, 3.0)
        trust = weight / (1 + (lifted / tolerance) ** 2)
    return curve


# ------------------------------------------------------------------------------------------- wedges


def neutralise_border(image: Uint8Image) -> Uint8Image:
    """Fill white wedges and lines at the border of ``(H, W)`` with the scan's own background; else the image itself."""
    wedges = _wedges(image)
    if not wedges.any():
        return image
    stained = ndimage.binary_dilation(wedges, iterations=JPEG_RINGING)
    return np.where(stained, np.uint8(background_level(image)), image)


def _wedges(image: Uint8Image) -> NDArray[np.bool_]:
    white = image >= WHITE
    wedges = np.zeros_like(white)
    for turns in range(4):
        # rot90 gives views, so that each side becomes the top of the scan in turn.
        _mark_from_top(np.rot90(white, turns), np.rot90(wedges, turns))
    return wedges


def _mark_from_top(white: NDArray[np.bool_], wedges: NDArray[np.bool_]) -> None:
    depth: NDArray[np.intp] = np.where(white.all(axis=0), len(white), white.argmin(axis=0))
    padded = np.pad(depth, NARROWEST_WEDGE, mode="edge")
    wide = ndimage.grey_opening(padded, (NARROWEST_WEDGE,))[NARROWEST_WEDGE:-NARROWEST_WEDGE]
    wedges |= np.arange(len(white))[:, None] < wide
