"""Views against brute force on images whose every pixel is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import ConfigError
from bench.views import View, tile_corners, to_model_input

CPU = torch.device("cpu")


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((40, 50), (33, 70))]


@pytest.mark.parametrize("text", ["resize:64", "patches:64/32", "patches:32/32"])
def test_text_there_and_back(text):
    assert str(View.parse(text)) == text


@pytest.mark.parametrize("text", ["resize", "resize:4", "patches:64", "patches:32/64", "patches:32/0", "crop:3", ""])
def test_what_is_no_view_is_refused(text):
    with pytest.raises(ConfigError, match="Expected"):
        View.parse(text)


def test_quick_keeps_the_overlap():
    assert str(View.parse("patches:64/32").at_size(32)) == "patches:32/16"
    assert str(View.parse("resize:64").at_size(32)) == "resize:32"


@pytest.mark.parametrize(("height", "width", "size", "stride"), [(40, 50, 32, 16), (32, 32, 32, 16), (33, 95, 32, 32)])
def test_tiles_cover_every_pixel_and_stay_inside(height, width, size, stride):
    seen = np.zeros((height, width), dtype=int)
    corners = tile_corners(height, width, size, stride)
    for y, x in corners:
        assert 0 <= y <= height - size
        assert 0 <= x <= width - size
        seen[y : y + size, x : x + size] += 1
    assert seen.min() >= 1
    assert len(set(corners)) == len(corners)


def test_model_input_is_between_minus_one_and_one():
    tiles = np.array([[[[0], [255]], [[51], [102]]]], dtype=np.uint8)
    assert to_model_input(tiles, CPU).flatten().tolist() == pytest.approx([-1, 1, -0.6, -0.2])


def test_resize_is_pillows(images):
    view = View.parse("resize:32")
    by_hand = np.asarray(Image.fromarray(images[0]).resize((32, 32), Image.Resampling.BILINEAR))
    assert np.array_equal(view.tiles(images[0])[0], by_hand)


def test_overlapping_maps_are_averaged():
    view = View.parse("patches:32/16")
    corners = tile_corners(32, 48, 32, 16)
    maps = np.stack([np.full((32, 32), value, np.float32) for value in (1, 3)])
    native = view.to_native(maps, 32, 48)
    assert corners == [(0, 0), (0, 16)]
    assert np.unique(native[:, :16]) == 1
    assert np.unique(native[:, 16:32]) == 2
    assert np.unique(native[:, 32:]) == 3


def test_a_resized_map_comes_back_to_its_place():
    small = np.zeros((1, 32, 32), np.float32)
    small[0, :, 16:] = 5
    native = View.parse("resize:32").to_native(small, 100, 200)
    assert native.shape == (100, 200)
    assert native[:, :90].max() == pytest.approx(0)
    assert native[:, 110:].min() == pytest.approx(5)


def test_whole_images_can_be_counted_and_random_crops_cannot():
    assert View.parse("resize:32").different(120) == 120
    assert View.parse("patches:32/16").different(120) is None
