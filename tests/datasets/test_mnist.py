"""MNIST from idx files written byte by byte, and from the official ones where they stand beside the checkout."""

import gzip
import pickle
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets import mnist

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL
from bench.errors import DataError

REAL = Path(__file__).parents[2].parent / "shared/data/mnist"
TRAIN_IMAGES, TRAIN_LABELS = mnist.FILES["train"]
TEST_IMAGES, TEST_LABELS = mnist.FILES["t10k"]


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write(root, name, content, packed):
    root.mkdir(parents=True, exist_ok=True)
    (root / (name + ".gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)


def pictures(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def collection(root, packed=True):
    """200 training digits, 20 of each; 30 test digits, 3 of each."""
    for part, n, seed in (("train", 200, 1), ("t10k", 30, 2)):
        images, labels = mnist.FILES[part]
        write(root, images, idx(pictures(n, seed)), packed)
        write(root, labels, idx(np.arange(n) % 10), packed)
    return root


def split(root, digit="3", **params):
    return mnist.Dataset(mnist.Params(**params), root, digit).split()


@pytest.mark.parametrize("below", ["", "MNIST/raw", "raw", "mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_folders_are_found_packed_or_not(tmp_path, below, packed):
    root = collection(tmp_path / "data" / below, packed)
    assert mnist.Dataset.locate(tmp_path / "data") == root


def test_another_layout_is_not_taken_for_ours(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / TEST_IMAGES).write_bytes(b"")
    assert mnist.Dataset.locate(tmp_path) is None


def test_only_the_chosen_digit_is_learnt_and_all_are_tested(tmp_path):
    found = split(collection(tmp_path))
    assert (len(found.train), len(found.val)) == (18, 2)
    learnt = {s.id for s in (*found.train, *found.val)}
    assert learnt == {f"train/{i:05d}" for i in range(3, 200, 10)}
    assert [s.id for s in found.test] == [f"t10k/{i:05d}" for i in range(30)]


@pytest.mark.parametrize("digit", ["0", "3", "9"])
def test_kind_and_label_follow_the_digit(tmp_path, digit):
    for i, sample in enumerate(split(collection(tmp_path), digit).test):
        is_normal = str(i % 10) == digit
        assert sample.label == (NORMAL if is_normal else ANOMALOUS)
        assert sample.kind == ("good" if is_normal else f"digit-{i % 10}")


@pytest.mark.parametrize("packed", [True, False])
def test_images_are_read_as_written_also_after_pickling(tmp_path, packed):
    found = split(collection(tmp_path, packed))
    written = pictures(30, 2)
    for i, sample in enumerate(pickle.loads(pickle.dumps(found)).test):  # noqa: S301
        image = sample.read()
        assert image.dtype == np.uint8
        np.testing.assert_array_equal(image, written[i])


def test_split_is_the_same_for_the_same_seed_only(tmp_path):
    collection(tmp_path)
    ids = [tuple(s.id for s in split(tmp_path, split_seed=seed).val) for seed in (0, 0, 1, 2)]
    assert ids[0] == ids[1]
    assert len(set(ids)) > 1


def test_validation_share_decides_how_many_are_held_out(tmp_path):
    found = split(collection(tmp_path), validation_share=0.5)
    assert (len(found.train), len(found.val)) == (10, 10)


def test_digests_tell_images_and_files_apart(tmp_path):
    before = [s.digest for s in split(collection(tmp_path)).test]
    assert len(set(before)) == 30
    write(tmp_path, TEST_IMAGES, idx(pictures(30, 99)), packed=True)
    after = [s.digest for s in split(tmp_path).test]
    assert not set(before) & set(after)


def test_a_replaced_file_is_read_anew(tmp_path):
    sample = split(collection(tmp_path)).test[0]
    sample.read()
    write(tmp_path, TEST_IMAGES, idx(pictures(30, 99)), packed=True)
    np.testing.assert_array_equal(sample.read(), pictures(30, 99)[0])


def test_a_missing_file_is_named(tmp_path):
    (collection(tmp_path) / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(DataError, match=f"{TEST_LABELS} or {TEST_LABELS}.gz in .*found neither"):
        split(tmp_path)


def test_a_truncated_archive_is_named(tmp_path):
    path = collection(tmp_path) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}.gz: cannot be unpacked"):
        split(tmp_path)


def test_a_corrupt_archive_is_named(tmp_path):
    path = collection(tmp_path) / f"{TRAIN_LABELS}.gz"
    content = bytearray(path.read_bytes())
    content[10] = 0xFF  # first byte of the compressed stream: a reserved kind of block
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}.gz: cannot be unpacked"):
        split(tmp_path)


def test_truncated_raw_data_are_counted(tmp_path):
    path = collection(tmp_path, packed=False) / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: expected {200 * 784} bytes of data, found {200 * 784 - 5}"):
        split(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", b"\0\0\x0d\x01\0\0\0\1\0\0\0\0", b"\0\0\x08\x03\0\0"]
)
def test_a_file_that_is_no_idx_file_of_bytes_is_named(tmp_path, content):
    write(collection(tmp_path, packed=False), TRAIN_LABELS, content, packed=False)
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}: expected an idx file of bytes"):
        split(tmp_path)


def test_labels_and_images_must_be_equally_many(tmp_path):
    write(collection(tmp_path), TEST_LABELS, idx(np.arange(29) % 10), packed=True)
    with pytest.raises(DataError, match=r"as many labels as images, found 29 in .* for 30 in"):
        split(tmp_path)


@pytest.mark.parametrize(
    ("name", "array"),
    [(TRAIN_LABELS, pictures(200, 1)), (TRAIN_IMAGES, np.zeros(200)), (TEST_IMAGES, np.ones((30, 9, 9)))],
)
def test_mixed_up_files_are_recognised(tmp_path, name, array):
    write(collection(tmp_path), name, idx(array), packed=True)
    with pytest.raises(DataError, match=r"Expected \(n, 28, 28\) in .*mixed up"):
        split(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data/mnist beside the checkout")
def test_the_official_files_hold_the_known_numbers():
    found = split(mnist.Dataset.locate(REAL.parent), "1")
    assert (len(found.train), len(found.val), len(found.test)) == (6068, 674, 10_000)
    kinds = Counter(s.kind for s in found.test)
    assert kinds["good"] == 1135
    assert [kinds[f"digit-{d}"] for d in (0, 2, 3, 4, 5, 6, 7, 8, 9)] == [
        980,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert found.test[2].label == NORMAL  # the test part begins 7, 2, 1, 0, 4
    assert found.test[0].kind == "digit-7"
    assert found.test[2].read().shape == (28, 28)
