"""The disk that results and caches lie on: small, so that it can be filled, and with permissions that bind root too."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = 256 * 2**20  # bytes


class Disk:
    """A folder that can be filled and locked."""

    def __init__(self, folder: Path, is_small: bool) -> None:
        self.folder = folder
        self.is_small = is_small
        """Whether it is a file system of its own; a machine's disk is not to be filled."""

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Until not a byte is left."""
        with self._filler.open("wb", buffering=0) as stream:
            block = bytes(2**20)
            while block:
                try:
                    stream.write(block)
                except OSError:
                    block = block[: len(block) // 2]

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)

    def lock(self, folders: list[Path]) -> None:
        """Nothing can be made or removed in these folders, by root neither."""
        for folder in folders:
            _call("chattr", "+i", folder) if _is_root() else folder.chmod(0o555)

    def unlock(self, folders: list[Path]) -> None:
        for folder in folders:
            _call("chattr", "-i", folder) if _is_root() else folder.chmod(0o755)

    def why_not_locked(self) -> str | None:
        """Why permissions cannot be taken away here."""
        probe = self.folder / "probe"
        probe.mkdir()
        try:
            self.lock([probe])
            (probe / "made").touch()
        except (OSError, subprocess.CalledProcessError) as error:
            return None if isinstance(error, PermissionError) else f"chattr +i cannot be used: {error}"
        else:
            return "root writes where nobody may"
        finally:
            _unlocked(self, probe)


@contextmanager
def small_disk(folder: Path):
    """A tmpfs where it may be mounted, else the folder itself."""
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], capture_output=True, check=False
    )
    try:
        yield Disk(folder, mounting.returncode == 0)
    except BaseException:
        with suppress(OSError):  # shutil.Error too: what still runs there may take files away meanwhile
            shutil.copytree(folder, folder.with_name(f"{folder.name} as it lay"), symlinks=True)  # to be looked at
        raise
    finally:
        if mounting.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def _unlocked(disk: Disk, probe: Path) -> None:
    with suppress(subprocess.CalledProcessError):
        disk.unlock([probe])
    (probe / "made").unlink(missing_ok=True)
    probe.rmdir()


def _is_root() -> bool:
    return os.geteuid() == 0


def _call(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
