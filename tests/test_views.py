"""Views against brute force on images whose every pixel is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import ConfigError, DataError
from bench.images import ImageCache
from bench.views import View, tile_corners, to_model_input

CPU = torch.device("cpu")


def cache_of(*images) -> ImageCache:
    channels = images[0].shape[2]
    flat = np.concatenate([image.ravel() for image in images])
    sizes = np.array([image.size for image in images])
    shapes = np.array([image.shape[:2] for image in images])
    return ImageCache(None, flat, np.cumsum(sizes) - sizes, shapes, channels, tuple("ab"[: len(images)]))


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


def test_random_crops_are_crops_of_the_images(images):
    """Every drawn patch must be found, pixel for pixel, at some position of some image."""
    train = View.parse("patches:32/16").training_images(cache_of(*images), CPU, mirror=False)
    windows = {
        image[y : y + 32, x : x + 32].tobytes()
        for image in images
        for y in range(image.shape[0] - 31)
        for x in range(image.shape[1] - 31)
    }
    drawn = train.draw(200, torch.Generator().manual_seed(0))
    bytes_of = ((drawn + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    assert len(windows) == len(train)
    assert {patch.tobytes() for patch in bytes_of} <= windows
    assert len({patch.tobytes() for patch in bytes_of}) > 100


def test_crops_reach_every_corner_position():
    image = np.arange(33 * 34, dtype=np.uint32).reshape(33, 34, 1).astype(np.uint8)
    train = View.parse("patches:32/16").training_images(cache_of(image), CPU, mirror=False)
    assert len(train) == 2 * 3
    drawn = torch.cat([train.draw(6, torch.Generator().manual_seed(s)) for s in range(20)])
    assert len(drawn.flatten(1).unique(dim=0)) == 6


@pytest.mark.parametrize("view", ["resize:32", "patches:32/16"])
def test_mirroring_flips_about_half_left_to_right(images, view):
    cache = cache_of(images[0][:32, :32])
    train = View.parse(view).training_images(cache, CPU, mirror=True)
    plain = to_model_input(images[0][None, :32, :32], CPU)[0]
    drawn = torch.cat([train.draw(1, torch.Generator().manual_seed(s)) for s in range(60)])
    flipped = [torch.equal(d, plain.flip(-1)) for d in drawn]
    assert all(f or torch.equal(d, plain) for f, d in zip(flipped, drawn, strict=True))
    assert 15 < sum(flipped) < 45


@pytest.mark.parametrize("view", ["resize:32", "patches:32/16"])
def test_drawing_is_repeatable(images, view):
    train = View.parse(view).training_images(cache_of(*images), CPU, mirror=True)
    first, again, other = (train.draw(2, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_batches_give_every_tile_once_in_order(images):
    view = View.parse("patches:32/16")
    train = view.training_images(cache_of(*images), CPU, mirror=True)
    tiles = to_model_input(np.concatenate([view.tiles(image) for image in images]), CPU)
    assert torch.equal(torch.cat(list(train.batches(5))), tiles)
    assert torch.equal(train.probe(1000), tiles)


def test_probe_spreads_over_places_not_only_images(images):
    view = View.parse("patches:32/16")
    train = view.training_images(cache_of(*images * 10), CPU, mirror=False)
    first_tiles = {to_model_input(view.tiles(image)[:1], CPU).numpy().tobytes() for image in images}
    probed = [tile[None].numpy().tobytes() for tile in train.probe(20)]
    assert any(tile not in first_tiles for tile in probed)


def test_a_batch_larger_than_the_data_is_refused(images):
    train = View.parse("resize:32").training_images(cache_of(*images), CPU, mirror=False)
    with pytest.raises(DataError, match=r"found 2 for a batch of 3.*--set batch_size=2"):
        train.draw(3, torch.Generator())


def test_images_smaller_than_a_patch_are_refused(images):
    with pytest.raises(DataError, match=r"found 2 smaller.*--view resize:64"):
        View.parse("patches:64/32").training_images(cache_of(*images), CPU, mirror=False)


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
