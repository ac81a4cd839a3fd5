"""A simulator of retinal OCT B-scans with known surfaces and lesions. No published scan enters it.

Lengths are rows of about 8 micrometres and columns of about 24; grey levels are those of log-compressed display,
set by eye and by the median depth profile of normal scans in Kermany's OCT2017. A scan is drawn from three
streams of random numbers (eye, scan, lesion), so the scan with a lesion and the one without share all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bench.contracts import Mask, Uint8Image

Array = NDArray[np.float64]
Lesion = tuple[str, Mask]

SIZE = 256
LESIONS = ("drusen", "cysts", "fluid", "foci")

VITREOUS = 22.0
LAYERS = ("NFL", "GCL-IPL", "INL", "OPL", "ONL", "IS", "EZ", "IZ", "subretinal", "RPE", "sub-RPE")
LEVEL = np.array([112, 93, 71, 86, 48, 60, 168, 122, 28, 176, 88], dtype=float)
PARAFOVEA = np.array([4.0, 12.5, 5.0, 4.0, 9.5, 3.0, 2.4, 1.8, 0.0, 4.2, 0.0])
FOVEA = np.array([0.4, 2.0, 1.4, 1.4, 15.0, 4.0, 2.2, 2.8, 0.0, 4.2, 0.0])
NFL, INL, ONL, SUBRETINAL, RPE, SUB_RPE = (
    LAYERS.index(n) for n in ("NFL", "INL", "ONL", "subretinal", "RPE", "sub-RPE")
)

X = np.linspace(-1, 1, SIZE)
COLUMNS = np.arange(SIZE, dtype=float)
ROWS = np.arange(SIZE, dtype=float)[:, None]


@dataclass(frozen=True)
class Simulated:
    """A scan ``(256, 256)``, its lesions, and the rows ``(256,)`` of both surfaces of the retina."""

    scan: Uint8Image
    lesions: tuple[Lesion, ...]
    top: Array
    bottom: Array


@dataclass(frozen=True)
class Retina:
    """Thickness of every layer ``(11, 256)`` above Bruch's membrane at rows ``bottom (256,)``."""

    thickness: Array
    bottom: Array

    def boundaries(self) -> Array:
        """``(12, 256)``: upper border of every layer, Bruch's membrane last."""
        above = np.cumsum(self.thickness[::-1], axis=0)[::-1]
        return self.bottom - np.vstack([above, np.zeros((1, SIZE))])


def simulate(seed: int, eye: int, scan: int, kind: str = "good") -> Simulated:
    """Scan number ``scan`` of an eye; ``kind`` is ``good`` or one of ``LESIONS``."""
    anatomy = _Eye(np.random.default_rng([seed, eye]))
    rng = np.random.default_rng([seed, eye, scan])
    lesion_rng = _lesion_stream(seed, eye, scan)
    retina = anatomy.retina(scan, rng)
    count = lesion_count(seed, eye, scan, kind)
    retina, lifts = _lift(retina, kind, count, lesion_rng)
    level = _layers(retina, anatomy)
    inclusions = _inclusions(retina, kind, count, lesion_rng)
    for mask, grey in inclusions:
        level += mask * (grey - level)
    borders = retina.boundaries()
    image = anatomy.illuminate(_choroid(level, retina.bottom, rng), borders[0], rng)
    masks = [_lifted_mask(retina, kind, lift) for lift in lifts] + [mask > 0.5 for mask, _ in inclusions]
    return Simulated(_speckle(image, anatomy.noise, rng), tuple((kind, m) for m in masks), borders[0], retina.bottom)


def lesion_count(seed: int, eye: int, scan: int, kind: str) -> int:
    """How many lesions ``simulate`` will draw, without drawing them."""
    most = {"good": 0, "drusen": 4, "cysts": 6, "fluid": 1, "foci": 7}[kind]
    return int(np.random.default_rng([seed, eye, scan, 1]).integers(min(most, 1), most + 1))


def _lesion_stream(seed: int, eye: int, scan: int) -> np.random.Generator:
    return np.random.default_rng([seed, eye, scan, 2])


# ------------------------------------------------------------------------------------------- anatomy


class _Eye:
    """What the scans of one eye share: shape, layers, vessels, brightness."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.curve = rng.normal(0, [13, 3, 2])  # tilt, third and fourth order, in rows
        self.bend = rng.gamma(2.0, 7.0) - 3
        self.depth = rng.uniform(120, 165)
        self.fovea = rng.normal(0, 0.12)
        self.pit_width = rng.uniform(0.13, 0.22)
        self.off_fovea = rng.uniform(0, 1.0)  # first scan's distance from the foveal centre, in pit widths
        self.nasal = rng.choice([-1, 1])
        self.scale = rng.normal(1, 0.06, (len(LAYERS), 1)) * rng.normal(1, 0.05)
        self.gain, self.haze, self.noise = rng.normal(1.03, 0.12), rng.normal(0, 4), rng.uniform(0.8, 1.35)
        self.vignette, self.slope = rng.uniform(0, 0.3), rng.normal(0, 0.08)
        self.vessels = rng.uniform(-1.05, 1.05, rng.poisson(5))
        self.membrane = rng.uniform(18, 55) if rng.random() < 0.2 else None
        self.choroid = rng.uniform(15, 28)

    def retina(self, scan: int, rng: np.random.Generator) -> Retina:
        pit = np.exp(-(((X - self.fovea) / self.pit_width) ** 2) - (self.off_fovea + 0.3 * scan) ** 2 / 2)
        rim = np.exp(-(((np.abs(X - self.fovea) - 2 * self.pit_width) / (1.5 * self.pit_width)) ** 2))
        thickness = self.scale * (PARAFOVEA[:, None] * (1 - pit) + FOVEA[:, None] * pit)
        thickness[1] *= 0.9 + 0.2 * rim
        thickness[NFL] *= np.clip(1 + 0.7 * self.nasal * X, 0.35, None) * np.clip(1 - 1.2 * pit, 0.1, 1)
        thickness[:SUBRETINAL] += 0.12 * _smooth_lines(rng, SUBRETINAL, 6)
        return Retina(np.maximum(thickness, 0), self._bottom(scan, rng))

    def _bottom(self, scan: int, rng: np.random.Generator) -> Array:
        tilt, third, fourth = self.curve
        polynomial = tilt * X - self.bend * X**2 + third * X**3 + fourth * X**4
        return np.asarray(self.depth + polynomial + rng.normal(0, 2) + 0.3 * _smooth_lines(rng, 1, 12)[0])

    def illuminate(self, level: Array, top: Array, rng: np.random.Generator) -> Array:
        """Vessel shadows, a membrane, vignetting and gain, on display levels ``(256, 256)``."""
        tissue = (level - VITREOUS) * self._shadows(top + 4 < ROWS, rng)
        if self.membrane is not None:
            tissue += _membrane(top - self.membrane, rng)
        light = 1 - self.vignette * X**2 + self.slope * X + 0.05 * _smooth_lines(rng, 1, 25)[0]
        behind = np.clip((ROWS - top - 60) / 70, 0, 1)  # the signal is spent, and the floor with it
        floor = np.maximum(VITREOUS + self.haze, 9) * (1 - 0.5 * behind)
        return np.asarray(floor + self.gain * light * tissue)

    def _shadows(self, below: Mask, rng: np.random.Generator) -> Array:
        strength = rng.uniform(0.1, 0.5, len(self.vessels))[:, None]
        width = rng.uniform(0.006, 0.015, len(self.vessels))[:, None]
        centre = (self.vessels + rng.normal(0, 0.02, len(self.vessels)))[:, None]
        lines = (strength * np.exp(-(((X - centre) / width) ** 2))).sum(axis=0)
        return np.asarray(1 - below * np.minimum(lines, 0.7))


def _smooth_lines(rng: np.random.Generator, count: int, width: float) -> Array:
    """``(count, 256)`` random curves of unit spread, smooth over ``width`` columns."""
    lines = ndimage.gaussian_filter1d(rng.normal(size=(count, SIZE)), width, axis=1)
    return np.asarray(lines * np.sqrt(2 * np.sqrt(np.pi) * width))


def _membrane(row: Array, rng: np.random.Generator) -> Array:
    """A detached posterior hyaloid: a faint line in the vitreous, there on a part of the width."""
    path = row + rng.normal(0, 10) * X + 4 * _smooth_lines(rng, 1, 30)[0]
    visible = rng.uniform(10, 40) / (1 + np.exp(-25 * (X * rng.choice([-1, 1]) - rng.uniform(-0.3, 0.6))))
    return np.asarray(visible * np.exp(-((ROWS - path) ** 2) / 2))


# ------------------------------------------------------------------------------------------- lesions


def _lift(retina: Retina, kind: str, count: int, rng: np.random.Generator) -> tuple[Retina, list[Array]]:
    """Make room for lesions that displace tissue; returns also the lift ``(256,)`` each one causes, in rows."""
    if kind == "cysts":
        swelling = _bump(0.3 * rng.uniform(-1, 1), rng.uniform(0.15, 0.3)) * rng.uniform(0, 2.2) * count
        return _thicken(retina, {INL: 0.35 * swelling, ONL: 0.65 * swelling}), []
    if kind == "fluid":
        lifts = [_bump(rng.uniform(-0.5, 0.5), rng.uniform(0.12, 0.3)) * rng.uniform(3, 13)]
        return _thicken(retina, {SUBRETINAL: lifts[0], ONL: -0.1 * lifts[0]}), lifts
    if kind == "drusen":
        widths = rng.uniform(0.03, 0.09, count)
        lifts = [_bump(rng.uniform(-0.8, 0.8), width) * rng.uniform(2.5, 4 + 80 * width) for width in widths]
        together = np.max(lifts, axis=0)
        return _thicken(
            retina, {SUB_RPE: together, ONL: -np.minimum(0.6 * together, 0.6 * retina.thickness[ONL])}
        ), lifts
    return retina, []


def _bump(centre: float, width: float) -> Array:
    return np.asarray(np.exp(-(((X - centre) / width) ** 2)))


def _thicken(retina: Retina, change: dict[int, Array]) -> Retina:
    thickness = retina.thickness.copy()
    for layer, rows in change.items():
        thickness[layer] += rows
    return replace(retina, thickness=thickness)


def _lifted_mask(retina: Retina, kind: str, lift: Array) -> Mask:
    borders = np.rint(retina.boundaries())
    upper, lower = {"drusen": (RPE, SUB_RPE + 1), "fluid": (SUBRETINAL, RPE)}[kind]
    inside = (borders[upper] <= ROWS) & (borders[lower] > ROWS)
    return np.asarray(inside & (lift > 1.0))


def _inclusions(retina: Retina, kind: str, count: int, rng: np.random.Generator) -> list[tuple[Array, float]]:
    """Cysts and foci: how far each pixel ``(256, 256)`` belongs to one, and its grey level."""
    if kind not in ("cysts", "foci"):
        return []
    middle = rng.uniform(40, SIZE - 40)
    return [_inclusion(retina, kind, float(np.clip(rng.normal(middle, 22), 12, SIZE - 12)), rng) for _ in range(count)]


def _inclusion(retina: Retina, kind: str, column: float, rng: np.random.Generator) -> tuple[Array, float]:
    borders = retina.boundaries()[:, round(column)]
    diameter, flatness, grey = (2.2, 3.5), 1.2, 170.0
    if kind == "cysts":  # the largest in scans of DME measure about 0.5 mm across; most are far smaller
        diameter, flatness, grey = (3.0, 22.0), rng.uniform(0.7, 1.5), 27.0
    wide = np.exp(rng.uniform(*np.log(diameter))) / 2 + 0.6
    row = rng.uniform(borders[INL] + 1.5, borders[ONL + 1] - 1.5)
    high = min(wide * flatness, row - borders[1] + 0.5, borders[ONL + 2] - row)  # stays within the inner retina
    distance = np.hypot((COLUMNS - column) / wide, (ROWS - row) / max(high, 1.2))
    return np.clip((1 - distance) * 0.7 * wide + 0.5, 0, 1), grey * rng.uniform(0.9, 1.15)


# ----------------------------------------------------------------------------------------- rendering


def _layers(retina: Retina, eye: _Eye) -> Array:
    """Display level ``(256, 256)`` of vitreous and retina, without light, shadows or grain."""
    level = np.repeat(LEVEL[:, None], SIZE, axis=1)
    level[NFL] *= 1 + 0.35 * eye.nasal * X
    steps = np.diff(np.vstack([np.full((1, SIZE), VITREOUS), level, np.full((1, SIZE), VITREOUS)]), axis=0)
    image = np.full((SIZE, SIZE), VITREOUS)
    for border, step in zip(retina.boundaries(), steps, strict=True):
        image += step * np.clip(ROWS - border + 0.5, 0, 1)
    return image


def _choroid(level: Array, bottom: Array, rng: np.random.Generator, fading: float = 21.0) -> Array:
    """Add light from below Bruch's membrane, fading with depth and mottled by choroidal vessels."""
    vessels = ndimage.gaussian_filter(rng.normal(size=(SIZE // 4, SIZE // 2)), (1.6, 2.2)) * 6
    mottled = 1 - 0.45 / (1 + np.exp(-2.5 * vessels)).repeat(2, axis=0).repeat(2, axis=1)
    depth = ROWS - bottom
    nearest = np.clip(depth, 0, len(mottled) - 1).astype(np.intp)
    texture = np.take_along_axis(mottled, nearest, axis=0)
    light = 66 * np.exp(-np.maximum(depth, 0) / fading) * texture + 45 * np.exp(-np.maximum(depth, 0) / 1.6)
    return np.asarray(level + light * np.clip(depth + 0.5, 0, 1))


def _speckle(level: Array, strength: float, rng: np.random.Generator) -> Uint8Image:
    """Optical blur, then grain: uniform where the signal drowns in noise, in proportion to it elsewhere."""
    blurred = ndimage.gaussian_filter(level, (0.6, 0.6))
    fine = _grain(rng, [0.22, 1, 0.22], [0.135, 1, 0.135])
    coarse = _grain(rng, [0.6, 1, 0.6], [0.3, 0.8, 1, 0.8, 0.3])
    drowned = 8.3 * np.minimum(blurred / VITREOUS, 1)
    grey = blurred + strength * (drowned * fine + 0.085 * np.maximum(blurred - VITREOUS, 0) * coarse)
    return np.asarray(np.rint(grey.clip(0, 255)), dtype=np.uint8)


def _grain(rng: np.random.Generator, down: list[float], across: list[float]) -> NDArray[Any]:
    white = rng.standard_normal((SIZE, SIZE), dtype=np.float32)
    smooth = ndimage.correlate1d(ndimage.correlate1d(white, down, axis=0), across, axis=1)
    return np.asarray(smooth / np.hypot.reduce(down) / np.hypot.reduce(across))
