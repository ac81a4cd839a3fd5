"""Reading images: what is unambiguous is read right, what needs a decision is refused by name."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from bench import files
from bench.errors import DataError
from bench.files import cache_folder, file_digest, list_images, read_colour, read_grey, read_mask, read_values

RGB = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]], [[1, 2, 3], [200, 100, 50]]], dtype=np.uint8)
GREY = np.array([[0, 60], [120, 180], [240, 255]], dtype=np.uint8)


def saved(folder, image, name="image.png", **options):
    path = folder / name
    image.save(path, **options)
    return path


def test_grey_and_colour(tmp_path):
    assert np.array_equal(read_grey(saved(tmp_path, Image.fromarray(GREY))), GREY)
    assert np.array_equal(read_colour(saved(tmp_path, Image.fromarray(RGB))), RGB)
    assert np.array_equal(read_colour(saved(tmp_path, Image.fromarray(GREY))), np.repeat(GREY[:, :, None], 3, axis=2))


def test_palettes_and_opaque_alpha_change_no_colour(tmp_path):
    palette = Image.fromarray(RGB).convert("P", palette=Image.Palette.ADAPTIVE, colors=6)
    for image in (palette, Image.fromarray(RGB).convert("RGBA")):
        assert np.array_equal(read_colour(saved(tmp_path, image)), RGB)


def test_cmyk_is_turned_into_colour(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "image.tif")
    assert (read_colour(path) == (255, 0, 0)).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_more_than_eight_bits_need_a_decision(tmp_path, dtype):
    path = saved(tmp_path, Image.fromarray(GREY.astype(dtype) * 100), "image.tif")
    with pytest.raises(DataError, match=rf"{path}: expected 8 bits a channel, found (I;16|I|F)"):
        read_grey(path)


def png_of_16_bits(path, pixels):
    """``(H, W, C)`` big-endian numbers as a PNG, which Pillow cannot write: grey with alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    sealed = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(sealed))
    return path


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bits_are_noticed_where_decoding_would_cut_them(tmp_path, channels):
    """Pillow opens these as 8-bit images: twelve bits of a camera would become sixteen greys, nearly black."""
    path = png_of_16_bits(tmp_path / "deep.png", np.full((3, 2, channels), 4095, np.uint16))
    with Image.open(path) as image:
        assert np.asarray(image)[0, 0, 0] == 15
    for read in (read_grey, read_colour, read_mask, read_values):
        with pytest.raises(DataError, match=rf"{path}: expected 8 bits a channel, found \w+;16B"):
            read(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_sixteen_bits_of_a_coloured_tiff_are_noticed(tmp_path, compression):
    tifffile.imwrite(tmp_path / "deep.tif", np.full((3, 2, 3), 4095, np.uint16), compression=compression)
    with pytest.raises(DataError, match=r"expected 8 bits a channel, found RGB;16"):
        read_colour(tmp_path / "deep.tif")


def test_transparency_needs_a_decision(tmp_path):
    clear = Image.fromarray(np.dstack([RGB, np.full((3, 2), 254, np.uint8)]))
    with pytest.raises(DataError, match="found transparent pixels"):
        read_colour(saved(tmp_path, clear))
    palette = Image.fromarray(RGB).convert("P")
    with pytest.raises(DataError, match="found transparent pixels"):
        read_grey(saved(tmp_path, palette, transparency=0))


def test_pages_that_would_be_left_out_need_a_decision(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for name in ("pages.tif", "moving.png"):
        path = saved(tmp_path, pages[0], name, save_all=True, append_images=pages[1:])
        for read in (read_grey, read_colour, read_mask, read_values):
            with pytest.raises(DataError, match=rf"{path}: expected one image, found 2 pages\. Save each"):
                read(path)


def test_the_small_copy_beside_a_photograph_is_no_page(tmp_path):
    photograph = Image.fromarray(np.full((8, 8, 3), 90, np.uint8))
    path = saved(
        tmp_path, photograph, "photo.jpg", format="MPO", save_all=True, append_images=[photograph.resize((4, 4))]
    )
    assert (read_colour(path) == 90).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_stand_upright(tmp_path, orientation):
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that such a camera applied
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    upright = Image.fromarray(RGB)
    lying = upright.transpose(Image.Transpose(turns[orientation])) if orientation > 1 else upright
    if orientation > 1:
        assert np.array_equal(np.asarray(lying.transpose(Image.Transpose(back[orientation]))), RGB)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_colour(saved(tmp_path, lying, exif=exif)), RGB)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = saved(
        tmp_path, Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)), f"a.{suffix}"
    )
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(DataError, match=f"{path}: not a readable image"):
        read_grey(path)
    for content in (b"", b"no image"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{path}: not a readable image"):
            read_grey(path)


def test_masks_and_values(tmp_path):
    path = saved(tmp_path, Image.fromarray(GREY))
    assert np.array_equal(read_mask(path, 120), GREY > 120)
    assert np.array_equal(read_values(path), GREY)
    indexed = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("P")
    indexed.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    assert np.array_equal(read_values(saved(tmp_path, indexed, "p.png")), np.asarray(indexed))
    with pytest.raises(DataError, match="expected one channel of 8 bits, found mode RGB"):
        read_values(saved(tmp_path, Image.fromarray(RGB), "rgb.png"))


def test_a_digest_follows_the_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = file_digest(path)
    assert file_digest(path) == first
    path.write_bytes(b"other")
    assert file_digest(path) != first


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("link", "gone"):
        with pytest.raises(DataError, match=rf"{tmp_path / name}: cannot be read \(No such file"):
            file_digest(tmp_path / name)


def test_every_image_that_is_no_file_is_listed(tmp_path):
    saved(tmp_path, Image.fromarray(GREY))
    (tmp_path / "a.png").symlink_to(tmp_path / "image.png")
    assert len(list_images(tmp_path)) == 2
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "c.png").mkdir()
    with pytest.raises(DataError, match=r"2 image\(s\) in .* are no files.*\n.*b\.png\n.*c\.png\n.*mend the links"):
        list_images(tmp_path)


@pytest.mark.parametrize("damage", [b"no database", b""])
def test_a_damaged_memory_of_digests_is_begun_anew(tmp_path, caplog, damage):
    file = saved(tmp_path, Image.fromarray(GREY))
    first = file_digest(file)
    files._close_memories()
    (cache_folder() / "digests.sqlite").write_bytes(damage)
    assert file_digest(file) == first
    assert file_digest(file) == first
    assert bool(damage) == ("was damaged" in caplog.text)
    with sqlite3.connect(cache_folder() / "digests.sqlite") as memory:
        assert memory.execute("SELECT sha256 FROM digest").fetchall() == [(first,)]
    memory.close()


def test_without_a_memory_files_are_read_each_time(tmp_path, monkeypatch):
    """No folder can be made where a file lies: as on a disk that is full or read-only."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    file = saved(tmp_path, Image.fromarray(GREY))
    assert file_digest(file) == file_digest(file) == hashlib.sha256(file.read_bytes()).hexdigest()
