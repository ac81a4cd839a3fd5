"""``bench data get``: a data set's public files fetched, verified, unpacked and moved into place.

Everything is made ready in ``.<name>.getting`` beside the place and moved with one rename, or entry by entry where the
place exists already. Whole archives stay there after a failure, so that the next attempt does not fetch them again.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench import registry
from bench.contracts import Dataset, Download
from bench.data.opening import locate, place_for
from bench.data.status import size_text
from bench.data.transfer import fetch, file_name, to_megabytes
from bench.data.unpack import is_archive, unpack
from bench.errors import DataError
from bench.files import file_digest
from bench.progress import Reporter

UNSTATED_GROWTH = 10
"""How many times its size an archive may unpack to where the data set states no bound."""


@dataclass(frozen=True)
class Workshop:
    """Where the data set will lie, and the folder in which it is made ready."""

    target: Path

    @property
    def folder(self) -> Path:
        """Beside the target; inside where the target is a mount point or the folder above it cannot be written."""
        inside = self.target.is_dir() and (self.target.is_mount() or not os.access(self.target.parent, os.W_OK))
        return (self.target if inside else self.target.parent) / f".{self.target.name}.getting"

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def file(self, download: Download) -> Path:
        """Where it is downloaded to; two of a data set may have one name."""
        return self.files / f"{download.sha256[:8]}-{file_name(download)}"

    def place(self, download: Download) -> Path:
        """Where it belongs as a plain file."""
        return self.target / download.folder / file_name(download)

    def by_hand(self, download: Download) -> Path:
        """Where a user may put it for ``bench data get`` to find."""
        return self.target / file_name(download)

    @property
    def unpacked(self) -> Path:
        return self.folder / "unpacked"

    @property
    def complete(self) -> Path:
        """An empty file that says that all is unpacked."""
        return self.folder / "complete"

    @property
    def is_ready(self) -> bool:
        """Whether things are being moved into place, or were when their process was killed: what lies there is half."""
        return self.complete.exists() and self.unpacked.exists()


def get(name: str, data_root: Path | None, reporter: Reporter) -> Path | None:
    """The data set's root, its files fetched if it was not there; ``None`` where nothing has to be fetched.

    Raises ``DataError`` if it cannot be fetched: nothing half done lies in its place then.
    """
    cls, _ = registry.load_dataset(name)
    if not cls.needs:
        reporter.say(f"{name} needs no files.")
        return None
    workshop = Workshop(place_for(name, data_root).resolve())
    if root := _already_there(name, data_root, workshop, reporter):
        return root
    if not cls.downloads:
        raise DataError(_not_public(name, cls, workshop, data_root))
    try:
        with _alone(workshop, reporter):
            return _already_there(name, data_root, workshop, reporter) or _get(name, cls, data_root, workshop, reporter)
    except OSError as error:
        raise DataError(
            f"{name} could not be put into {workshop.target}: {error}. Choose another place with --data-root DIR."
        ) from error


def _already_there(name: str, data_root: Path | None, workshop: Workshop, reporter: Reporter) -> Path | None:
    root = None if workshop.is_ready else locate(name, data_root)
    if root:
        reporter.say(f"{name} is already there: {root}\nFor a fresh copy name another folder: --data-root DIR.")
    return root


def _not_public(name: str, cls: type[Dataset[Any]], workshop: Workshop, data_root: Path | None) -> str:
    return (
        f"{name} cannot be fetched from here; it has to be placed by hand.\nNeeded: {cls.needs}\n"
        f"Place it in {workshop.target}, or anywhere and name that folder: --data-root DIR.\n"
        f"Then: bench data check {name}{':all' if cls.categories else ''}{_option(data_root)}"
    )


def _option(data_root: Path | None) -> str:
    """What has to be typed again for the same place."""
    return f" --data-root {shlex.quote(str(data_root))}" if data_root else ""


@contextmanager
def _alone(workshop: Workshop, reporter: Reporter) -> Iterator[None]:
    """One process at a time makes a data set ready; another waits and finds it done."""
    folder = workshop.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        reporter.say(f"Another process is putting files into {workshop.target}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _get(name: str, cls: type[Dataset[Any]], data_root: Path | None, workshop: Workshop, reporter: Reporter) -> Path:
    if not workshop.is_ready:
        _announce(name, cls, workshop, reporter)
        _make_ready(f"{name}{_option(data_root)}", cls.downloads, workshop, reporter)
    _move_into_place(workshop)
    root = locate(name, data_root)
    if root is None:
        raise DataError(
            f"{name}: its files lie in {workshop.target} now, but the data set does not recognise them."
            " Its plug-in and its archives do not fit each other."
        )
    reporter.say(f"{name} is there: {root}")
    return root


def _announce(name: str, cls: type[Dataset[Any]], workshop: Workshop, reporter: Reporter) -> None:
    files = ", ".join(f"{file_name(d)} ({size_text(d.size)})" for d in cls.downloads)
    reporter.say(
        f"{name}: {files}\n  into     {workshop.target}\n  licence  {cls.licence or 'not stated'}\n"
        f"  cite     {cls.citation or 'not stated'}"
    )


def _make_ready(request: str, downloads: Sequence[Download], workshop: Workshop, reporter: Reporter) -> None:
    """Fetch everything, then unpack everything: one file that cannot be had leaves the place as it was."""
    workshop.complete.unlink(missing_ok=True)
    shutil.rmtree(workshop.unpacked, ignore_errors=True)
    for folder in (workshop.files, workshop.unpacked):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        files = {d: file for d in downloads if (file := _verified_file(d, workshop, reporter))}
        _require_space(workshop, [d for d in downloads if d not in files], downloads)
        for download in downloads:
            if download not in files:
                files[download] = workshop.file(download)
                fetch(download, files[download], _by_hand(request, download, workshop), reporter)
        _unpack_all(files, workshop, reporter)
    finally:
        if not workshop.complete.exists():
            shutil.rmtree(workshop.unpacked, ignore_errors=True)
            if not any(workshop.files.iterdir()):
                shutil.rmtree(workshop.folder)


def _verified_file(download: Download, workshop: Workshop, reporter: Reporter) -> Path | None:
    """A whole file of an earlier attempt, or one that the user put into the place."""
    for file in (workshop.file(download), workshop.place(download), workshop.by_hand(download)):
        if file.is_file():
            reporter.say(f"{file}: comparing its checksum.")
            if file_digest(file) == download.sha256:
                return file
            reporter.say("  It is another file than the published one, and left alone.")
    return None


def _by_hand(request: str, download: Download, workshop: Workshop) -> str:
    return (
        f"By hand: get {download.url} with a browser and put it at {workshop.by_hand(download)};"
        f" then 'bench data get {request}' verifies and unpacks it."
    )


def _require_space(workshop: Workshop, missing: Sequence[Download], downloads: Sequence[Download]) -> None:
    """What must be fetched, and all of it unpacked: both lie there at the same time."""
    needed = sum(d.size for d in missing) + sum(d.unpacked_size or d.size for d in downloads)
    free = shutil.disk_usage(workshop.files).free
    if free < needed:
        raise DataError(
            f"Expected {size_text(needed)} of free space for {workshop.target}, found {size_text(free)}."
            " Make room or choose another disk: --data-root DIR."
        )


def _unpack_all(files: dict[Download, Path], workshop: Workshop, reporter: Reporter) -> None:
    for download, file in files.items():
        if is_archive(file.name):
            _unpack(download, file, workshop, reporter)
        elif file != workshop.place(download):
            folder = workshop.unpacked / download.folder
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file_name(download))
    _refuse_to_overwrite(workshop)
    workshop.complete.touch()


def _unpack(download: Download, file: Path, workshop: Workshop, reporter: Reporter) -> None:
    folder, limit = workshop.unpacked / download.folder, download.unpacked_size or UNSTATED_GROWTH * download.size
    try:
        with reporter.stage(f"unpack {file_name(download)}, MB", to_megabytes(file.stat().st_size)) as stage:
            unpack(file, folder, limit, lambda done: stage.update(to_megabytes(done)))
    except DataError:
        if file == workshop.file(download):  # and not the user's own copy
            file.unlink()
        raise


def _refuse_to_overwrite(workshop: Workshop) -> None:
    taken = [entry.name for entry in workshop.unpacked.iterdir() if (workshop.target / entry.name).exists()]
    if taken:
        raise DataError(
            f"{workshop.target} holds {', '.join(sorted(taken))} already, but not the data set as it should be."
            " Move that elsewhere and repeat the command; what was fetched is kept."
        )


def _move_into_place(workshop: Workshop) -> None:
    if not workshop.target.exists():
        workshop.unpacked.rename(workshop.target)
    else:
        for entry in sorted(workshop.unpacked.iterdir()):
            entry.rename(workshop.target / entry.name)
    shutil.rmtree(workshop.folder)
