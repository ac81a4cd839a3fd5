"""Anomaly maps as files: matched one by one, kept exactly, and refused with everything that is wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pytest
import tifffile

from bench.errors import DataError
from bench.records.map_files import MapFiles, map_path, require_distinct_maps, write_map
from bench.records.score_files import read_scores, write_scores


@dataclass(frozen=True)
class Image:
    id: str


TEST = [Image("test/good/000.png"), Image("test/logical_anomalies/000.png"), Image("test/logical_anomalies/001.png")]
SHAPES = [(4, 5)] * 3
VALUES = np.arange(20, dtype=np.float64).reshape(4, 5) / 3


@pytest.fixture
def maps(tmp_path):
    for image in TEST:
        write_map(map_path(tmp_path, "box", image), VALUES)
    return tmp_path


def test_the_layout_is_that_of_the_official_evaluator(maps):
    assert (maps / "box/test/logical_anomalies/001.tiff").is_file()
    assert map_path(maps, None, Image("MT_Break/Imgs/exp1.jpg")) == maps / "MT_Break/Imgs/exp1.tiff"
    found = MapFiles.find(maps, "box", TEST)
    found.check(SHAPES)
    assert all(np.array_equal(found.read(i), VALUES) and found.read(i).dtype == np.float64 for i in range(3))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "uint16", "int32"])
@pytest.mark.parametrize("suffix", ["npy", "tif"])
def test_every_number_is_kept(tmp_path, dtype, suffix):
    values = (VALUES * 31).astype(dtype)
    file = tmp_path / f"a.{suffix}"
    np.save(file, values) if suffix == "npy" else tifffile.imwrite(file, values)
    read = MapFiles.find(tmp_path, None, [Image("a.png")]).read(0)
    assert read.dtype in (np.float32, np.float64)
    assert np.array_equal(read.astype(np.float64), values.astype(np.float64))


def refused(maps, *expected, test=TEST):
    with pytest.raises(DataError) as error:
        MapFiles.find(maps, "box", test).check(SHAPES)
    for text in expected:
        assert text in str(error.value)


def test_missing_surplus_and_double_maps_are_all_told(maps):
    (maps / "box/test/good/000.tiff").rename(maps / "box/test/good/00.tiff")
    np.save(maps / "box/test/logical_anomalies/001.npy", VALUES)
    (maps / "box/test/good/._000.tiff").write_bytes(b"AppleDouble")
    refused(
        maps,
        "1 test image(s) have no map", "test/good/000.tiff",
        "1 map(s) belong to no test image", "test/good/00.tiff",
        "1 test image(s) have more than one map", "001.npy",
    )  # fmt: skip


def test_maps_that_cannot_be_used_are_all_told(maps):
    write_map(maps / "box/test/good/000.tiff", VALUES.T)
    write_map(maps / "box/test/logical_anomalies/000.tiff", np.where(VALUES > 5, np.inf, VALUES))
    (maps / "box/test/logical_anomalies/001.tiff").write_text("no TIFF")
    refused(maps, "map 4x5, image 5x4", "of 20 pixels", "001.tiff: not a readable map")


@pytest.mark.parametrize("values", [np.zeros((4, 5, 3), np.uint8), np.zeros((3, 4, 5)), np.zeros((4, 5), complex)])
def test_only_one_real_number_a_pixel(maps, values):
    tifffile.imwrite(maps / "box/test/good/000.tiff", values, photometric="minisblack")
    refused(maps, str(maps / "box/test/good/000.tiff"), "expected")


def test_pickles_are_not_opened(maps):
    (maps / "box/test/good/000.tiff").unlink()
    np.save(maps / "box/test/good/000.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(maps, "000.npy: not a readable map")


def test_a_folder_too_low_or_too_high_is_named(maps):
    refused(maps / "box", f"give {maps} instead")
    refused(maps.parent, f"give {maps} instead")
    refused(maps / "gone", f"at {maps / 'gone'}, found nothing")


def test_the_digest_follows_content_and_not_time(maps):
    before = MapFiles.find(maps, "box", TEST).digest()
    os.utime(maps / "box/test/good/000.tiff", (1, 1))
    assert MapFiles.find(maps, "box", TEST).digest() == before
    write_map(maps / "box/test/good/000.tiff", VALUES + 1)
    assert MapFiles.find(maps, "box", TEST).digest() != before


def test_images_that_differ_in_their_suffix_alone_have_one_map(tmp_path):
    with pytest.raises(DataError, match=r"a\.png"):
        require_distinct_maps([Image("a.png"), Image("a.jpg"), Image("b.png")])


def test_scores_come_back_exactly_in_any_order_and_spelling(tmp_path):
    file, scores = tmp_path / "scores.csv", np.array([1 / 3, 1e-300, -2.5])
    write_scores(file, TEST, scores)
    assert np.array_equal(read_scores(file, TEST), scores)
    header, *lines = file.read_text().splitlines()
    shortened = [line.replace(".png", "") for line in reversed(lines)]
    file.write_text("\n".join([header, f"box/{shortened[0]}", *shortened[1:]]))
    assert np.array_equal(read_scores(file, TEST, "box"), scores)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["id,score", "test/good/000,1"], "2 test image(s) have no score"),
        (["id,score", "test/good/000,1", "test/good/000.png,2"], "1 line(s) repeat an image"),
        (["id,score", "elsewhere,1"], "1 line(s) have an unknown id"),
        (["id,score", "test/good/000,nan"], "are not an id and a finite number"),
        (["name,value"], "expected the header 'id,score'"),
    ],
)
def test_scores_that_do_not_fit_are_told(tmp_path, lines, expected):
    file = tmp_path / "scores.csv"
    file.write_text("\n".join(lines))
    with pytest.raises(DataError) as error:
        read_scores(file, TEST)
    assert expected in str(error.value)
