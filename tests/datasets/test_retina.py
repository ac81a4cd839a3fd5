"""Straightening is measured against simulated scans whose surfaces are known, then looked at on real ones."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets.preprocessing.retina import WHITE, flatten_retina, neutralise_border
from bench.plugins.datasets.preprocessing.retina_simulator import LESIONS, simulate

import bench.plugins  # noqa: F401
from bench.files import read_grey

REAL = Path(__file__).parents[2].parent / "shared/data/oct2017"
HEIGHT, BELOW = 96, 20


@lru_cache(maxsize=1)
def population():
    kinds = ("good", *LESIONS)
    return [simulate(77, eye, eye % 4, kinds[eye % len(kinds)]) for eye in range(60)]


@lru_cache(maxsize=1)
def flattenings():
    return [flatten_retina(simulated.scan, HEIGHT, BELOW) for simulated in population()]


def test_bottom_surface_is_found_within_two_rows():
    pairs = zip(flattenings(), population(), strict=True)
    error = np.abs([flat.bottom - truth.bottom for flat, truth in pairs])
    assert np.median(error) < 0.6
    assert np.percentile(error, 95) < 1.6
    assert error.max() < 6


def test_top_surface_is_found_within_a_few_rows():
    pairs = zip(flattenings(), population(), strict=True)
    error = np.abs([flat.top - truth.top for flat, truth in pairs])
    assert np.median(error) < 2.5
    assert np.percentile(error, 95) < 6


def test_true_bottom_is_straight_after_flattening():
    """The known surface, painted into an empty scan, must come out as one straight line."""
    for flat, truth in zip(flattenings(), population(), strict=True):
        painted = np.arange(256)[:, None] == np.rint(truth.bottom)
        rows = flat.apply(painted).argmax(axis=0)
        assert np.percentile(np.abs(rows - (HEIGHT - BELOW - 1)), 90) <= 3
        assert np.ptp(np.rint(truth.bottom)) > np.ptp(rows) or np.ptp(truth.bottom) < 8


def test_mask_follows_its_image_exactly():
    for flat, truth in zip(flattenings(), population(), strict=True):
        for _, mask in truth.lesions:
            marked = np.where(mask, np.uint8(255), np.minimum(truth.scan, np.uint8(254)))
            assert np.array_equal(flat.apply(marked) == 255, flat.apply(mask))


def test_lesions_survive_the_crop_whole():
    pairs = zip(flattenings(), population(), strict=True)
    areas = [(flat.apply(mask).sum(), mask.sum()) for flat, truth in pairs for _, mask in truth.lesions]
    assert len(areas) > 50
    assert all(kept == drawn for kept, drawn in areas)


def test_crop_beyond_the_scan_is_background():
    truth = population()[0]
    scan = truth.scan[int(truth.top.min()) - 2 :]
    flat = flatten_retina(scan, 150, BELOW)
    above = np.rint(flat.bottom) - (150 - BELOW - 1) < 0
    assert above.any()
    assert (flat.apply(scan)[0, above] == flat.background).all()
    assert not flat.apply(np.ones(scan.shape, bool))[0, above].any()


@pytest.mark.parametrize("shape", [(496, 512), (496, 1536), (256, 256), (100, 130)])
def test_a_scan_without_a_retina_still_gives_a_crop(shape):
    flat = flatten_retina(np.full(shape, 30, np.uint8), HEIGHT, BELOW)
    assert flat.apply(np.full(shape, 30, np.uint8)).shape == (HEIGHT, shape[1])
    assert np.isfinite(flat.bottom).all()


def with_wedges(scan):
    rows, columns = np.indices(scan.shape)
    wedge = (rows < 30 - columns / 6) | (rows > 250 - columns / 40) | (columns == 0)
    return np.where(wedge, np.uint8(255), scan), wedge


def test_wedges_and_white_lines_are_filled_and_nothing_else():
    scan = population()[0].scan
    wedged, wedge = with_wedges(scan)
    clean = neutralise_border(wedged)
    assert clean[wedge].max() < 60
    changed = clean != wedged
    assert changed.sum() < wedge.sum() + 6 * (256 * 3)
    untouched = slice(40, 240), slice(8, None)
    assert np.array_equal(clean[untouched], scan[untouched])


def test_a_scan_without_wedges_comes_back_unchanged():
    for truth in population():
        assert np.array_equal(neutralise_border(truth.scan), truth.scan)


def test_saturated_epithelium_at_the_border_is_not_eaten():
    scan = population()[0].scan.copy()
    scan[120:132, :40] = 255
    scan[125:137, -40:] = 255
    assert np.array_equal(neutralise_border(scan), scan)


def test_saturated_epithelium_touching_a_white_line_is_not_eaten():
    scan = population()[0].scan.copy()
    scan[120:132, :60] = 255
    lined = scan.copy()
    lined[:, :2] = 255
    clean = neutralise_border(lined)
    assert clean[:, 0].max() < 60
    assert (clean[120:132, 10:60] == 255).all()


def test_flattening_undoes_a_shear_of_the_same_scan():
    """Another tilt of the same retina must give nearly the same crop."""
    truth = population()[0]
    shift = np.rint(np.linspace(-12, 12, 256)).astype(int)
    sheared = np.stack([np.roll(column, move) for column, move in zip(truth.scan.T, shift, strict=True)], axis=1)
    moved = flatten_retina(sheared, HEIGHT, BELOW).bottom - flatten_retina(truth.scan, HEIGHT, BELOW).bottom
    assert np.percentile(np.abs(moved - shift), 95) < 2


# ---------------------------------------------------------------------------------------- real scans


def real_scans(pattern):
    if not REAL.is_dir():
        pytest.skip(f"the small real data set is not at {REAL}")
    return [read_grey(path) for path in sorted(REAL.glob(pattern))]


def lower_edge(block):
    """Row of the steepest fall of brightness, sought within 25 rows of where it should be (151)."""
    profile = block.mean(axis=1)
    falls = [profile[row - 5 : row + 1].mean() - profile[row + 1 : row + 10].mean() for row in range(126, 177)]
    return 126 + int(np.argmax(falls))


def is_straight(scan):
    clean = neutralise_border(scan)
    flat = flatten_retina(clean, 192, 40).apply(clean).astype(float)
    inner = flat[:, flat.shape[1] // 10 : -flat.shape[1] // 10]
    edges = [lower_edge(block) for block in np.array_split(inner, 24, axis=1)]
    return np.percentile(np.abs(np.array(edges) - 151), 80) <= 6


def test_real_normal_scans_are_straight():
    verdicts = [is_straight(scan) for scan in real_scans("*/NORMAL/*.*g")]
    assert len(verdicts) >= 30
    assert np.mean(verdicts) >= 0.85


def test_the_check_of_straightness_can_fail():
    bent = simulate(77, 1, 1).scan.repeat(2, axis=0).repeat(2, axis=1)
    rows = np.rint(40 * np.sin(np.linspace(0, 12, 512))).astype(int)  # more bends than the polynomial follows
    assert is_straight(bent)
    assert not is_straight(np.stack([np.roll(c, r) for c, r in zip(bent.T, rows, strict=True)], axis=1))


def test_real_wedges_are_gone():
    for scan in real_scans("val/*/*.*g"):
        clean = neutralise_border(scan)
        assert (clean[0] >= WHITE).sum() + (clean[-1] >= WHITE).sum() < 40
