"""Archives unpacked without trusting them: nothing outside the folder, no links, no devices, no more than announced.

Sizes are counted while the bytes come out, so that headers may lie. No link is ever made on disk: a link inside a tar
becomes a copy of the file it names, so no later member can be led astray by it.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, BinaryIO, Literal

from bench.errors import DataError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz")
ARCHIVES = (".zip", *TARS)
MOST_MEMBERS = 5_000_000
CHUNK = 1 << 20
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error, struct.error, EOFError,
    ValueError,  # a header with numbers or letters that cannot be
    RuntimeError,  # zipfile, of a member that is encrypted or compressed in an unknown way
)  # fmt: skip


def is_archive(name: str) -> bool:
    """By the ending of a file's name: an npz is a zip too, and is left as it is."""
    return name.lower().endswith(ARCHIVES)


def unpack(archive: Path, folder: Path, limit: int, advance: Callable[[int], None] = lambda done: None) -> None:
    """Unpack a tar or zip into ``folder``, which is made where it is not there.

    ``limit`` bounds the bytes of all files together; ``advance(done)`` is told how far the archive has been read, in
    bytes of it. Raises ``DataError`` naming the member that must not be unpacked, or what is broken; ``OSError`` if
    the disk does not take it. What had been unpacked by then is left for the caller to remove.
    """
    members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    unpacking = _Unpacking(archive, folder, limit)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open("rb") as raw:
            for n, member in enumerate(members(raw)):
                unpacking.require(n < MOST_MEMBERS, member, f"is one of more than {MOST_MEMBERS:,}")
                unpacking.take(member)
                advance(raw.tell())
    except _BROKEN as error:
        raise _unreadable(archive, error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _unreadable(archive, error) from error  # a zip whose numbers lead before its beginning
    advance(archive.stat().st_size)


def _unreadable(archive: Path, error: Exception) -> DataError:
    return DataError(f"{archive}: not a readable archive ({error}). Delete it and get it again.")


@dataclass(frozen=True)
class _Member:
    """One entry of an archive. ``open`` gives its content; ``target`` is what a link points to, from the top."""

    name: str
    kind: Literal["folder", "file", "link", "other"]
    open: Callable[[], IO[bytes] | None]
    target: str = ""


class _Unpacking:
    def __init__(self, archive: Path, folder: Path, limit: int) -> None:
        self._archive, self._folder, self._limit = archive, folder, limit
        self._unpacked = 0

    def take(self, member: _Member) -> None:
        self.require(member.kind != "other", member, "is a device, a pipe or a link that a zip cannot carry safely")
        path = self._path(member, member.name)
        self.require(self._has_room(path, member.kind), member, "is a file and a folder at once")
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        source = self._linked(member) if member.kind == "link" else member.open()
        if source is not None:
            self._copy(source, path, member)

    def require(self, is_harmless: bool, member: _Member, trouble: str) -> None:
        if not is_harmless:
            raise DataError(
                f"{self._archive}: the member '{member.name}' {trouble}. Nothing of this archive is used:"
                " it is not what its data set should be."
            )

    def _path(self, member: _Member, name: str) -> Path:
        """Where ``name`` comes to lie; Windows' way of writing paths is understood everywhere, to be refused alike."""
        windows = PureWindowsPath(name)
        inside = not (windows.drive or windows.root or ".." in windows.parts or "\0" in name)
        self.require(inside, member, "leads outside its folder")
        return self._folder.joinpath(*PurePosixPath(name).parts)

    def _has_room(self, path: Path, kind: str) -> bool:
        """Whether no file stands where a folder has to be, and no folder where a file has to be."""
        above = [folder for folder in path.parents if folder.is_relative_to(self._folder)]
        taken = path.is_file() if kind == "folder" else path.is_dir()
        return not taken and not any(folder.is_file() for folder in above)

    def _linked(self, member: _Member) -> BinaryIO:
        source = self._path(member, member.target)
        self.require(source.is_file(), member, f"is a link to '{member.target}', which is no file unpacked before it")
        return source.open("rb")

    def _copy(self, source: IO[bytes], path: Path, member: _Member) -> None:
        with source, path.open("wb") as out:
            while chunk := source.read(CHUNK):
                self._unpacked += len(chunk)
                fits = self._unpacked <= self._limit
                self.require(fits, member, f"goes beyond the {self._limit:,} bytes that all may take together")
                out.write(chunk)


def _tar_members(raw: BinaryIO) -> Iterator[_Member]:
    with tarfile.open(fileobj=raw) as archive:
        for info in archive:
            yield _tar_member(archive, info)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if info.issym():  # relative to the folder that the link stands in; a hard link's is to the top
        target = posixpath.normpath(posixpath.join(posixpath.dirname(info.name), info.linkname))
        return _Member(info.name, "link", lambda: None, target)
    if info.islnk():
        return _Member(info.name, "link", lambda: None, posixpath.normpath(info.linkname))
    kind: Literal["folder", "file", "other"] = "folder" if info.isdir() else "file" if info.isreg() else "other"
    return _Member(info.name, kind, lambda: archive.extractfile(info))


def _zip_members(raw: BinaryIO) -> Iterator[_Member]:
    with zipfile.ZipFile(raw) as archive:
        for info in archive.infolist():
            yield _zip_member(archive, info)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind: Literal["folder", "file", "other"] = "folder" if info.filename.endswith("/") else "file"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "other"
    return _Member(info.filename, kind, lambda: archive.open(info))
