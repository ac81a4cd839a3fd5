"""Files that are there whole or not at all, whenever the process or the machine dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from bench.errors import StoreError


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that takes its place, whole and on disk, when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # some writers make private files; results are shared in a group
        _to_disk(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_output(out: Path, kind: Literal["FILE", "DIR"] = "FILE") -> Iterator[None]:
    """For blocks that write what ``--out`` names: raises ``StoreError`` where they cannot."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{out} cannot be written ({error}). Choose another: --out {kind}.") from error


def write_output(out: Path, text: str) -> None:
    """Write the file that ``--out`` names, whole or not at all, as UTF-8; raises ``StoreError`` where that fails."""
    with writing_output(out), replace_file(out) as temporary:
        temporary.write_bytes(text.encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_disk(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
