"""Reading and fingerprinting files: the toolbox of every data set plug-in."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs
from PIL import Image, ImageOps

from bench.contracts import Mask, Uint8Image
from bench.errors import ConfigError, DataError, refuse

_log = logging.getLogger("bench")
_MEMORY = "digests.sqlite"
_SIXTEEN_BITS = re.compile(r"\b\w+;16[BLN]\b")
"""In Pillow's names of how samples are stored, such as ``RGB;16B``; ``BGR;16`` of a bitmap is 16 bits for all three."""
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
UNREAD_SUFFIXES = frozenset(
    ".webp .gif .jfif .jpe .jp2 .j2k .heic .heif .avif .pgm .ppm .pnm .dcm .dicom".split()  # noqa: SIM905 - read as one
)
"""Of images that are not read, so that nobody takes them for read."""

_UNDECODABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError, MemoryError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow's decoders make of a damaged file: nearly anything."""


def cache_folder() -> Path:
    """Where decoded images and file hashes are kept: ``$BENCH_CACHE`` or the user's cache folder."""
    override = os.environ.get("BENCH_CACHE")
    return Path(override) if override else platformdirs.user_cache_path("fanogan-bench")


def require_cache() -> Path:
    """The cache folder, where something can be written; raises ``ConfigError`` elsewhere: before hours, not in them."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ConfigError(
            f"The cache folder {folder} cannot be written ({error.strerror}). Set BENCH_CACHE to another folder."
        ) from error


def list_images(folder: Path) -> list[Path]:
    """Images directly in ``folder``, sorted by name; AppleDouble (``._x``) and hidden files left out.

    Raises ``DataError`` listing what is called an image and is no file: links to nothing, folders.
    """
    found = _named_as(IMAGE_SUFFIXES, folder)
    refuse(
        [f for f in found if not f.is_file()],
        f"image(s) in {folder} are no files, but folders or links to what is not there",
        "Put the files there, mend the links, or remove them.",
    )
    return found


def list_unread_images(folder: Path) -> list[Path]:
    """Images directly in ``folder`` that ``list_images`` leaves out for their format, sorted by name."""
    return _named_as(UNREAD_SUFFIXES, folder)


def _named_as(suffixes: Collection[str], folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in suffixes and not f.name.startswith("."))


def list_folders(folder: Path) -> list[Path]:
    """Folders directly in ``folder``, sorted by name; hidden ones left out."""
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def read_grey(path: Path) -> Uint8Image:
    """``(H, W)`` luminance, upright. Raises ``DataError`` naming a file that is no image or needs a decision."""
    return _decode(path, "L")


def read_colour(path: Path) -> Uint8Image:
    """``(H, W, 3)`` RGB, upright. Raises ``DataError`` naming a file that is no image or needs a decision."""
    return _decode(path, "RGB")


def read_mask(path: Path, threshold: int = 127) -> Mask:
    """``(H, W)``, true where the grey value is above ``threshold`` (JPEG masks carry noise around 0 and 255)."""
    return _decode(path, "L") > threshold


def read_values(path: Path) -> Uint8Image:
    """``(H, W)`` stored numbers of a single-channel image, where the number is a key and no brightness."""
    with _opened(path) as image:
        if image.mode not in ("L", "P"):
            raise DataError(f"{path}: expected one channel of 8 bits, found mode {image.mode}.")
        return np.asarray(image, dtype=np.uint8)


def _decode(path: Path, mode: str) -> Uint8Image:
    """Grey, colour, CMYK and palette images, turned upright as their EXIF data ask."""
    with _opened(path) as image:
        _refuse_transparent(path, image)
        return np.asarray(ImageOps.exif_transpose(image).convert(mode), dtype=np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            _refuse_deep(path, image)
            _refuse_pages(path, image)
            image.load()
            yield image
    except _UNDECODABLE as error:
        raise DataError(f"{path}: not a readable image ({error})") from error


def _refuse_deep(path: Path, image: Image.Image) -> None:
    """More than 8 bits would have to be scaled: how, only the user can say. To be asked before it is decoded.

    Decoding makes bytes of colours and of grey with alpha that are stored in 16 bits, without a word.
    """
    stored = _SIXTEEN_BITS.search(str(getattr(image, "tile", "")))
    if stored or image.mode.startswith(("I", "F")):
        raise DataError(
            f"{path}: expected 8 bits a channel, found {stored[0] if stored else image.mode}. Which values become black"
            " and white decides what can be seen: convert the images first."
        )


def _refuse_pages(path: Path, image: Image.Image) -> None:
    """All but the first would be left out. Not so the small copies that cameras put beside a JPEG (MPO)."""
    pages = getattr(image, "n_frames", 1)
    if pages > 1 and image.format != "MPO":
        raise DataError(f"{path}: expected one image, found {pages} pages. Save each as a file of its own first.")


def _refuse_transparent(path: Path, image: Image.Image) -> None:
    """Transparency would have to be filled: how, only the user can say."""
    if image.has_transparency_data and np.asarray(image.convert("RGBA"))[:, :, 3].min() < 255:
        raise DataError(f"{path}: expected an opaque image, found transparent pixels. Fill or crop them first.")


def text_digest(*parts: object) -> str:
    """SHA-256 of the parts' text, in hexadecimal; for samples that are not files."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def content_digest(path: Path) -> str:
    """SHA-256 of a file, read now."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file. Remembered by path, size and time of change, so that a second call costs no reading.

    Raises ``DataError`` naming a file that is not there or may not be read.
    """
    try:
        stat = path.stat()
        stamp = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        if known := _recall(stamp):
            return known
        digest = content_digest(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Mend or remove it and start again.") from error
    _ask("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?)", (*stamp, digest))
    return digest


def _recall(stamp: tuple[str, int, int]) -> str | None:
    row = _ask("SELECT sha256 FROM digest WHERE path = ? AND size = ? AND changed = ?", stamp)
    return str(row[0]) if row else None


def _ask(query: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
    """One row of the memory. Without it, on a full or read-only disk, or damaged, files are read again: no more."""
    try:
        row: tuple[object, ...] | None = _memory().execute(query, values).fetchone()
    except (OSError, sqlite3.OperationalError) as error:
        _log.debug("digests of files are not remembered (%s)", error)
    except sqlite3.DatabaseError as error:
        _close_memories()
        file = cache_folder() / _MEMORY
        file.unlink(missing_ok=True)
        _log.warning("%s was damaged (%s) and is begun anew", file, error)
    else:
        return row
    return None


_open_memories: dict[tuple[Path, int], sqlite3.Connection] = {}


def _memory() -> sqlite3.Connection:
    """The one connection to the cache folder's memory. It must not cross a fork, hence the process in its key."""
    key = (cache_folder(), os.getpid())
    if key not in _open_memories:
        _close_memories()
        _open_memories[key] = _open_memory(key[0])
    return _open_memories[key]


def _open_memory(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    memory = sqlite3.connect(folder / _MEMORY, isolation_level=None, timeout=30, check_same_thread=False)
    memory.execute("PRAGMA synchronous = OFF")  # losing it costs a second reading of the files, nothing else
    memory.execute("CREATE TABLE IF NOT EXISTS digest (path TEXT PRIMARY KEY, size INT, changed INT, sha256 TEXT)")
    return memory


@atexit.register
def _close_memories() -> None:
    for (_, process), memory in _open_memories.items():
        if process == os.getpid():
            memory.close()
    _open_memories.clear()
