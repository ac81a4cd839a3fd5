"""Maps that a run keeps: native when read, whole or not there, and the quantile of all their pixels."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import StoreError
from bench.judging.pixel_evaluation import HighestPixels
from bench.records.pictures import PictureWriter, StoredPictures
from bench.views import View

SHAPES = np.array([[40, 50], [33, 41]])
IDS = ["test/a.png", "test/b.png"]


def tile_maps(view):
    rng = np.random.default_rng(0)
    counts = [len(view.tiles(np.zeros((h, w, 1), np.uint8))) for h, w in SHAPES]
    return [rng.normal(size=(n, view.size, view.size)).astype(np.float32) for n in counts]


def write(folder, view, maps):
    with PictureWriter(folder, view, IDS, SHAPES) as writer:
        for tiles in maps:
            writer.add(tiles)


@pytest.mark.parametrize("text", ["resize:16", "patches:16/8"])
def test_maps_come_back_at_native_size(tmp_path, text):
    view = View.parse(text)
    maps = tile_maps(view)
    write(tmp_path / "maps", view, maps)
    stored = StoredPictures.open(tmp_path / "maps")
    assert (len(stored), stored.ids) == (2, tuple(IDS))
    for i, (height, width) in enumerate(SHAPES):
        assert np.array_equal(stored[i], view.to_native(maps[i], height, width))
        assert stored[i].shape == (height, width)


def test_maps_of_an_interrupted_attempt_do_not_survive(tmp_path):
    view = View.parse("resize:16")
    maps = tile_maps(view)
    write(tmp_path / "maps", view, maps)
    write(tmp_path / "maps", view, maps[:1])  # the second attempt ended early
    assert StoredPictures.open(tmp_path / "maps") is None


def test_damaged_maps_are_refused(tmp_path):
    view = View.parse("resize:16")
    write(tmp_path / "maps", view, tile_maps(view))
    values = tmp_path / "maps" / "values.f32"
    values.write_bytes(values.read_bytes()[:-4])
    with pytest.raises(StoreError, match="expected 512 numbers, found 511"):
        StoredPictures.open(tmp_path / "maps")


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=9), min_size=1, max_size=6),
    st.sampled_from([0.5, 0.9, 0.95, 1.0]),
)
def test_the_quantile_needs_only_the_highest_pixels(maps, quantile):
    arrays = [np.array(values, dtype=np.float32) for values in maps]
    every = np.sort(np.concatenate(arrays))
    highest = HighestPixels(quantile, len(every))
    for values in arrays:
        highest.add(values)
    threshold = highest.threshold()
    assert threshold == np.nextafter(np.float64(every[int(np.ceil(quantile * len(every))) - 1]), np.inf)
    assert (every.astype(np.float64) < threshold).mean() >= quantile


def test_a_run_on_masks_leaves_its_maps_and_what_was_measured(run_toy):
    (record,) = run_toy("intensity")
    pixel = record.metrics.pixel
    defects = pd.read_parquet(record.folder / "defects.parquet")
    images = pd.read_parquet(record.folder / "pixels.parquet")
    assert len(StoredPictures.open(record.folder / "maps")) == 48
    assert len(defects) == pixel.defects == 24
    assert defects["au_spro@0.05"].mean() == pytest.approx(pixel.headline.au_spro["0.05"].value, abs=1e-12)
    assert images["iou"].mean() == pytest.approx(pixel.headline.iou.value, abs=1e-12)
    split = (record.folder / "split.csv").read_bytes()
    assert hashlib.sha256(split).hexdigest() == record.spec.data


def test_maps_are_measured_as_they_were_kept(run_toy):
    """IoU by hand, from the stored maps, the recorded threshold and the toy's one square."""
    (record,) = run_toy("intensity")
    stored, pixel = StoredPictures.open(record.folder / "maps"), record.metrics.pixel
    square = np.zeros((40, 40), dtype=bool)
    square[10:20, 10:20] = True
    found = [stored[i].astype(np.float64) >= pixel.threshold for i in range(1, 48, 2)]
    by_hand = np.mean([(called & square).sum() / (called | square).sum() for called in found])
    assert pixel.headline.iou.value == pytest.approx(by_hand, abs=1e-12)
