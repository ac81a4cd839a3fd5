"""What cannot be read any more is set aside and kept, so that it can be made again where it lay."""

from __future__ import annotations

import tempfile
from pathlib import Path

FOLDER = "damaged"


def set_aside(damaged: Path, results: Path) -> Path | None:
    """Move a file or folder below ``results/damaged``; returns its new place, ``None`` if another process was first."""
    folder = results / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f"{damaged.name}-", dir=folder))
    place.chmod(0o755)
    try:
        return damaged.rename(place / damaged.name)
    except FileNotFoundError:
        place.rmdir()
        return None
