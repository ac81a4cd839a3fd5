"""Folders of data that are derived from others: built whole, by one process at a time, and again where damaged."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_log = logging.getLogger("bench")
_LOOK_EVERY = 0.5  # seconds, at a folder that another process builds


def ensure_built(
    root: Path, build: Callable[[Path], None], damage: Callable[[Path], str | None], wait: Callable[[], None]
) -> None:
    """``root`` as ``build`` fills it, unless it is there already and ``damage`` finds nothing wrong with it.

    ``wait`` is called now and then while another process builds it, and may raise.
    """
    if root.is_dir() and damage(root) is None:
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with _alone(_lock_of(root), wait):
        problem = damage(root) if root.is_dir() else "it is not there"
        if problem is None:  # another process built it meanwhile
            return
        if root.is_dir():
            _log.warning("%s is damaged (%s) and is built again", root, problem)
            shutil.rmtree(root)
        _build(root, build)


def _build(root: Path, build: Callable[[Path], None]) -> None:
    prefix = f".building-{root.name}-"
    for leftover in root.parent.glob(f"{prefix}*"):  # of processes that were killed: nobody else has the lock
        shutil.rmtree(leftover, ignore_errors=True)
    workspace = Path(tempfile.mkdtemp(prefix=prefix, dir=root.parent))
    workspace.chmod(0o755)
    try:
        build(workspace)
        workspace.rename(root)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _lock_of(root: Path) -> Path:
    folder = root.parent.with_name("locks")
    folder.mkdir(exist_ok=True)
    return folder / f"{root.name}.lock"


@contextmanager
def _alone(file: Path, wait: Callable[[], None]) -> Iterator[None]:
    lock = FileLock(file)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_LOOK_EVERY)
        except Timeout:
            wait()
    try:
        yield
    finally:
        lock.release()
