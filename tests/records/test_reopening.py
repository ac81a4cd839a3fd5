"""The data set behind a record, found again: at one place after the other, and only if it is the very one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from fabricated import write_run
from PIL import Image

from bench.data.opening import open_dataset
from bench.data.roots import DataRoots
from bench.errors import DataError
from bench.records.reopening import reopened


@pytest.fixture
def photos(tmp_path):
    """Images in the layout of the data set ``folder``."""
    root = tmp_path / "photos"
    for name in (*(f"train/good/{i}.png" for i in range(6)), "test/good/0.png", "test/dent/0.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(list(name.encode())).integers(0, 256, (6, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(root / name)
    return root


@pytest.fixture
def record(store, photos):
    """Of a run that had them there."""
    written = write_run(store, dataset="folder", data=open_dataset("folder", None, {}, photos).fingerprint)
    return written.model_copy(update={"provenance": {"data_root": str(photos)}}).at(written.folder)


@pytest.fixture
def others(photos):
    """The same images but one."""
    other = shutil.copytree(photos, photos.with_name("others"))
    shutil.copyfile(other / "test/dent/0.png", other / "test/good/0.png")
    return other


def test_the_place_that_was_named_comes_first_then_the_run_s_own_then_the_usual_ones(record, photos, monkeypatch):
    named, usual = (shutil.copytree(photos, photos.with_name(name) / "folder") for name in ("named", "usual"))
    monkeypatch.setenv("BENCH_DATA", str(usual.parent))
    assert reopened(record, named).root == named
    assert reopened(record, DataRoots(by_dataset={"folder": named})).root == named
    assert reopened(record, DataRoots(by_dataset={"mnist": named})).root == photos
    assert reopened(record, None).root == photos
    shutil.rmtree(photos)
    assert reopened(record, None).root == usual


def test_other_images_are_passed_over(record, photos, others):
    assert reopened(record, others).root == photos
    shutil.rmtree(photos)
    with pytest.raises(DataError, match=r"(?s)alpha on folder, seed 0 .*Expected those of .*--data-root DIR") as error:
        reopened(record, others)
    head, *more = str(error.value).splitlines()
    assert str(photos.parent) not in head  # it stands on pages that are published
    assert any(str(others) in line for line in more)


def test_images_that_are_gone(record, photos):
    shutil.rmtree(photos)
    with pytest.raises(DataError, match=r"(?s)alpha on folder.*No data for 'folder'.*--data-root DIR") as error:
        reopened(record, None)
    assert str(photos) in str(error.value)
    assert str(photos) not in str(error.value).splitlines()[0]


def test_a_data_set_that_nobody_knows_any_more(store):
    with pytest.raises(DataError, match=r"(?s)alpha on cells.*Unknown dataset 'cells'.*--data-root DIR"):
        reopened(write_run(store), None)
