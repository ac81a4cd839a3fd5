"""Maps, images, archives and weights: bytes of strangers, and of disks that fail."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from safetensors.torch import save

from bench.data.unpack import unpack
from bench.errors import DataError
from bench.files import read_colour, read_grey, read_mask, read_values
from bench.records.map_files import MapFiles
from bench.records.weights import load_weights
from fuzz.cases import for_all, ours_or_good, spoilt

PIXELS = (np.arange(48, dtype=np.uint8) * 5).reshape(6, 8)
LIMIT = 10_000


def written(save, *arguments, **options):
    stream = io.BytesIO()
    save(stream, *arguments, **options)
    return stream.getvalue()


MAPS = {
    "a.npy": [written(np.save, PIXELS.astype(np.float32)), written(np.save, PIXELS.astype(np.float64))],
    "a.tiff": [
        written(tifffile.imwrite, PIXELS.astype(np.float64), photometric="minisblack"),
        written(tifffile.imwrite, PIXELS.astype(np.float32), photometric="minisblack", compression="zlib"),
    ],
}


@pytest.mark.parametrize("name", MAPS)
def test_maps(name, examples, tmp_path):
    maps = MapFiles(tmp_path, (tmp_path / name,))

    def check(data):
        (tmp_path / name).write_bytes(data)
        ours_or_good(lambda: maps.read(0), lambda values: np.isfinite(values).sum(axis=(0, 1)))

    for valid in MAPS[name]:
        for_all(spoilt(valid), examples, check)


IMAGES = {
    suffix: written(Image.fromarray(PIXELS).save, format=form)
    for suffix, form in (("png", "PNG"), ("jpg", "JPEG"), ("bmp", "BMP"), ("tif", "TIFF"))
}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # odd tags beside pixels that can be read
@pytest.mark.parametrize("suffix", IMAGES)
def test_images(suffix, examples, tmp_path):
    file = tmp_path / f"image.{suffix}"

    def check(data):
        file.write_bytes(data)
        for read in (read_grey, read_colour, read_mask, read_values):
            ours_or_good(lambda read=read: read(file), lambda values: values.mean())

    for_all(spoilt(IMAGES[suffix]), examples, check)


def tar_of(mode):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, kind, target in (("a/b.txt", tarfile.REGTYPE, ""), ("a/c", tarfile.SYMTYPE, "b.txt")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, 600 * (kind == tarfile.REGTYPE)
            archive.addfile(info, io.BytesIO(b"x" * 600))
    return stream.getvalue()


def zip_of():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("a/b.txt", "x" * 600), ("a/c.txt", "y")):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # of no day: the same bytes tomorrow
    return stream.getvalue()


TAR = tar_of("w")
ARCHIVES = {"a.tar": TAR, "a.tar.gz": gzip.compress(TAR, mtime=0), "a.tar.xz": tar_of("w:xz"), "a.zip": zip_of()}


def test_a_nameless_member_is_refused(tmp_path):
    name, data = b"a/c.txt", ARCHIVES["a.zip"]
    last = data.rindex(name)  # where the directory at the end names it; its length stands 18 bytes before
    (tmp_path / "a.zip").write_bytes(data[: last - 18] + bytes(2) + data[last - 16 :])
    with pytest.raises(DataError, match=r"a\.zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMIT)


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name, examples, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    numbers = iter(range(10**6))

    def check(data):
        folder = tmp_path / "outside" / str(next(numbers)) / "inside"
        folder.mkdir(parents=True)
        (tmp_path / name).write_bytes(data)
        ours_or_good(lambda: unpack(tmp_path / name, folder, LIMIT), lambda _: None)
        assert [entry.name for entry in folder.parent.iterdir()] == ["inside"]
        assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= LIMIT

    for_all(spoilt(ARCHIVES[name]), examples, check)


def test_weights(examples, tmp_path):
    valid = save({"layer.weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)})

    def check(data):
        (tmp_path / "weights.safetensors").write_bytes(data)
        ours_or_good(lambda: load_weights(tmp_path / "weights.safetensors", "Delete it."), dict.items)

    for_all(spoilt(valid), examples, check)
