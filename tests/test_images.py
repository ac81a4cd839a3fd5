"""The image cache: decoded once, verified, and honest about what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from bench.contracts import Region, Sample, Split
from bench.errors import DataError
from bench.files import cache_folder, file_digest, read_grey, read_mask
from bench.images import cached_images, manifest_digest


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (20 + i, 30), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def split_of(folder, leakage=None, mask=None) -> Split:
    samples = []
    for i in range(6):
        path = folder / f"{i}.png"
        label = int(i == 5)
        regions = (Region(partial(read_mask, mask), source=mask),) if label and mask else None
        digest = file_digest(path)
        samples.append(Sample(path.name, label, "x", partial(read_grey, path), digest, None, regions, path))
    return Split(tuple(samples[:3]), (samples[3],), tuple(samples[4:]), "p", known_leakage=leakage)


def build(split, identity="code"):
    return cached_images(split, 1, identity, lambda done, total: None)


def test_cached_pixels_are_the_files_pixels(folder):
    split = split_of(folder)
    for _ in range(2):  # built, then read back
        caches = build(split)
        for part, samples in split.parts().items():
            for i, sample in enumerate(samples):
                assert np.array_equal(caches[part][i][:, :, 0], read_grey(sample.source))


def test_files_are_read_once(folder):
    build(split_of(folder))
    unreadable = split_of(folder)
    for file in folder.glob("*.png"):
        file.unlink()
    assert len(build(unreadable)["train"]) == 3


def test_another_loader_has_another_cache(folder):
    build(split_of(folder), "one")
    build(split_of(folder), "two")
    assert len(list((cache_folder() / "images").iterdir())) == 2


def test_every_broken_file_is_listed(folder):
    split = split_of(folder)
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:100])
    (folder / "3.png").write_text("no image")
    with pytest.raises(DataError) as caught:
        build(split)
    assert "2 file(s)" in str(caught.value)
    assert str(folder / "1.png") in str(caught.value)
    assert str(folder / "3.png") in str(caught.value)
    assert not list((cache_folder() / "images").iterdir()), "nothing half-built is left"


def test_a_mask_of_another_size_is_refused(folder):
    mask = folder / "mask.png"
    Image.fromarray(np.full((7, 9), 255, np.uint8)).save(mask)
    with pytest.raises(DataError, match=r"mask\.png: mask is 9x7, its image 30x25"):
        build(split_of(folder, mask=mask))


def annotated(split, *masks):
    """The split with these masks of its anomalous image, and one without defect of its normal test image."""
    normal, bad = split.test
    clear = replace(normal, regions=(Region(partial(np.zeros, (24, 30), bool)),))
    regions = tuple(Region(partial(np.array, mask), name=f"r{i}") for i, mask in enumerate(masks))
    return replace(split, test=(clear, replace(bad, regions=regions)))


def test_every_mask_that_maps_cannot_be_measured_against_is_told_before_training(folder):
    mask = np.zeros((25, 30), bool)
    mask[3, 4] = True
    build(annotated(split_of(folder), mask))
    with pytest.raises(DataError) as caught:
        build(annotated(split_of(folder), mask, ~mask & mask, mask.astype(np.uint8), ~mask & mask), "other")
    assert str(caught.value).splitlines()[:4] == [
        "3 file(s) cannot be used:",
        "  5.png, r1: mask shows no defect, its image is anomalous; draw it or take both out",
        "  5.png, r2: expected a mask of true and false, found uint8",
        "  5.png, r3: mask shows no defect, its image is anomalous; draw it or take both out",
    ]


def test_an_image_in_training_and_test_is_refused_by_content(folder):
    Image.open(folder / "0.png").save(folder / "5.png", compress_level=1)  # other bytes, same pixels
    with pytest.raises(DataError, match=r"1 test image.*\n  0\.png = 5\.png  \(content [0-9a-f]{12}\)"):
        build(split_of(folder))
    build(split_of(folder, leakage="the published split repeats images"))


def turn_a_bit(content):
    return content[:50] + bytes([content[50] ^ 1]) + content[51:]


@pytest.mark.parametrize(
    ("name", "damage", "what"),
    [
        ("pixels.u8", turn_a_bit, "not the bytes that were decoded"),
        ("pixels.u8", lambda content: content[:-1], "expected 1890 bytes, found 1889"),
        ("index.json", lambda content: content[:-1], "index|Expecting"),
        ("index.json", lambda content: b"", "Expecting value"),
    ],
)
def test_a_damaged_cache_is_built_again(folder, caplog, name, damage, what):
    split = split_of(folder)
    build(split)
    (file,) = (cache_folder() / "images").glob(f"*/train/{name}")
    file.write_bytes(damage(file.read_bytes()))
    caches = build(split)
    for part, samples in split.parts().items():
        for i, sample in enumerate(samples):
            assert np.array_equal(caches[part][i][:, :, 0], read_grey(sample.source))
    assert f"{file.parents[1]} is damaged" in caplog.text
    assert re.search(what, caplog.text)


def test_the_manifest_follows_content_order_and_labels(folder):
    before = manifest_digest(split_of(folder))
    assert manifest_digest(split_of(folder)) == before
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(folder / "0.png")
    assert manifest_digest(split_of(folder)) != before


@pytest.mark.parametrize("name", ["subset", "version", "group", "known_leakage"])
def test_no_fact_replaces_what_the_split_states(folder, name):
    with pytest.raises(DataError, match=f"under names of their own, found {name}"):
        replace(split_of(folder), facts={name: False, "regions": 4})


def renamed(samples, *names):
    return tuple(replace(sample, id=name) for sample, name in zip(samples, names, strict=True))


def test_an_id_names_one_image(folder):
    split = split_of(folder)
    found = r"one image for each id of protocol 'p', found several for 1: same\. Take more of the file's path"
    with pytest.raises(DataError, match=found):
        replace(split, train=renamed(split.train, "same", "same", "x"))
    with pytest.raises(DataError, match=found):
        replace(split, train=renamed(split.train, "y", "same", "x"), test=renamed(split.test, "z", "same"))
    with pytest.raises(DataError, match=found):
        replace(split, train=(split.train[0], *renamed(split.train[:1] * 2, "same", "same")))


def test_an_image_that_leaks_keeps_its_id_in_both_parts(folder):
    split = split_of(folder, leakage="the published split repeats images")
    assert replace(split, test=(split.train[0], *split.test))


def test_an_anomalous_image_cannot_be_learnt(folder):
    split = split_of(folder)
    with pytest.raises(DataError, match=r"only normal images in 'train', found 1 anomalous: 5\.png"):
        Split(split.test, split.val, split.test, "p")


def test_a_file_digest_is_remembered_until_the_file_changes(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    first = file_digest(file)
    assert file_digest(file) == first
    file.write_text("other")
    assert file_digest(file) != first
