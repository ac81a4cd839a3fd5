"""What a training draws, against brute force on images whose every pixel is known, wherever the pixels lie."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import memory
from bench.errors import DataError
from bench.images import ImageCache
from bench.training import pixels
from bench.training.images import training_images
from bench.views import View, to_model_input

CPU = torch.device("cpu")


def cache_of(*images) -> ImageCache:
    channels = images[0].shape[2]
    flat = np.concatenate([image.ravel() for image in images])
    sizes = np.array([image.size for image in images])
    shapes = np.array([image.shape[:2] for image in images])
    return ImageCache(flat, np.cumsum(sizes) - sizes, shapes, channels, tuple("ab"[: len(images)]))


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((40, 50), (33, 70))]


def test_random_crops_are_crops_of_the_images(images):
    """Every drawn patch must be found, pixel for pixel, at some position of some image."""
    train = training_images(View.parse("patches:32/16"), cache_of(*images), CPU, mirror=False)
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
    train = training_images(View.parse("patches:32/16"), cache_of(image), CPU, mirror=False)
    assert len(train) == 2 * 3
    drawn = torch.cat([train.draw(6, torch.Generator().manual_seed(s)) for s in range(20)])
    assert len(drawn.flatten(1).unique(dim=0)) == 6


@pytest.mark.parametrize("view", ["resize:32", "patches:32/16"])
def test_mirroring_flips_about_half_left_to_right(images, view):
    cache = cache_of(images[0][:32, :32])
    train = training_images(View.parse(view), cache, CPU, mirror=True)
    plain = to_model_input(images[0][None, :32, :32], CPU)[0]
    drawn = torch.cat([train.draw(1, torch.Generator().manual_seed(s)) for s in range(60)])
    flipped = [torch.equal(d, plain.flip(-1)) for d in drawn]
    assert all(f or torch.equal(d, plain) for f, d in zip(flipped, drawn, strict=True))
    assert 15 < sum(flipped) < 45


@pytest.mark.parametrize("view", ["resize:32", "patches:32/16"])
def test_drawing_is_repeatable(images, view):
    train = training_images(View.parse(view), cache_of(*images), CPU, mirror=True)
    first, again, other = (train.draw(2, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_batches_give_every_tile_once_in_order(images):
    view = View.parse("patches:32/16")
    train = training_images(view, cache_of(*images), CPU, mirror=True)
    tiles = to_model_input(np.concatenate([view.tiles(image) for image in images]), CPU)
    assert torch.equal(torch.cat(list(train.batches(5))), tiles)
    assert torch.equal(train.probe(1000), tiles)


def test_probe_spreads_over_places_not_only_images(images):
    view = View.parse("patches:32/16")
    train = training_images(view, cache_of(*images * 10), CPU, mirror=False)
    first_tiles = {to_model_input(view.tiles(image)[:1], CPU).numpy().tobytes() for image in images}
    probed = [tile[None].numpy().tobytes() for tile in train.probe(20)]
    assert any(tile not in first_tiles for tile in probed)


def test_a_batch_larger_than_the_data_is_refused(images):
    train = training_images(View.parse("resize:32"), cache_of(*images), CPU, mirror=False)
    with pytest.raises(DataError, match=r"found 2 for a batch of 3.*--set batch_size=2"):
        train.draw(3, torch.Generator())


def test_images_smaller_than_a_patch_are_refused(images):
    with pytest.raises(DataError, match=r"found 2 smaller.*--view resize:64"):
        training_images(View.parse("patches:64/32"), cache_of(*images), CPU, mirror=False)


@pytest.mark.parametrize("view", ["resize:32", "patches:32/16"])
def test_pixels_that_fit_nowhere_stay_in_a_file_and_draw_the_same(view, images, tmp_path, monkeypatch):
    (tmp_path / "pixels.u8").write_bytes(b"".join(image.tobytes() for image in images))
    cache = cache_of(*images)
    on_disk = ImageCache(np.memmap(tmp_path / "pixels.u8", np.uint8, "c"), cache.offsets, cache.shapes, 3, ())
    usual = training_images(View.parse(view), cache, CPU, mirror=True)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pixels, "_SHARE", 0.0)
    mapped = training_images(View.parse(view), on_disk, CPU, mirror=True)
    assert mapped_files(tmp_path)
    drawn = [train.draw(2, torch.Generator().manual_seed(3)) for train in (usual, mapped)]
    assert torch.equal(*drawn)
    assert all(torch.equal(a, b) for a, b in zip(usual.batches(2), mapped.batches(2), strict=True))
    del mapped, on_disk
    gc.collect()
    assert not mapped_files(tmp_path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["pixels.u8"]


def mapped_files(folder: Path) -> list[str]:
    """Files below ``folder`` that this process has mapped, from what the system tells of it."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux tells which files are mapped")
    return [line for line in Path("/proc/self/maps").read_text().splitlines() if str(folder) in line]


def test_free_memory_is_less_than_the_machine_has():
    assert 0 < memory.free_memory(CPU) < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_limit_of_any_group_above_counts(tmp_path, monkeypatch):
    job = tmp_path / "slurm" / "job_7"
    job.mkdir(parents=True)
    for folder, limit, used in ((job, "max", 100), (job.parent, "1000", 300)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    assert min(memory._of_groups("0::/slurm/job_7\n")) == 700
    assert min(memory._of_groups("")) > 2**60
