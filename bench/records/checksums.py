"""``SHA256SUMS``: a line for each file of a folder of records, in the form that ``sha256sum --check`` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.files import content_digest
from bench.writing import replace_file

SUMS = "SHA256SUMS"


def write_checksums(folder: Path) -> Path:
    """List every file below ``folder/runs``; returns the list's file."""
    lines = [f"{content_digest(folder / name)}  {name}\n" for name in _files(folder)]
    with replace_file(folder / SUMS) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
    return folder / SUMS


def changed_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files that differ from the list, are missing, or are not on it; and which of these."""
    listed = _read(folder / SUMS)
    for name, expected in listed.items():
        if not (folder / name).is_file():
            yield folder / name, f"is listed in {SUMS} and not there"
        elif content_digest(folder / name) != expected:
            yield folder / name, f"was changed: its SHA-256 is not that in {SUMS}"
    for name in _files(folder):
        if name not in listed:
            yield folder / name, f"is not listed in {SUMS}"


def _files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.glob("runs/**/*") if file.is_file())


def _read(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
