"""Makes ``methods/`` and ``datasets/`` importable as ``bench.plugins.methods.*`` and ``bench.plugins.datasets.*``.

The two folders stand at the top of a checkout and have no ``__init__.py``: a top-level package called
``datasets`` would clash with Hugging Face's. In a wheel they lie below this folder and nothing is to do.
"""

from __future__ import annotations

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]

if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "methods").is_dir():
    __path__.insert(0, str(_CHECKOUT))


def add_folder(folder: str | os.PathLike[str]) -> None:
    """Also look for plug-ins in ``folder/methods`` and ``folder/datasets``. Runs the code found there."""
    path = str(Path(folder).resolve())
    if path not in __path__:
        __path__.append(path)


def added_folders() -> list[Path]:
    """Folders that ``add_folder`` added, for another process to add too."""
    own = {str(_CHECKOUT), str(Path(__file__).resolve().parent)}
    return [Path(folder) for folder in __path__ if str(Path(folder).resolve()) not in own]


for _folder in filter(None, os.environ.get("BENCH_PLUGINS", "").split(os.pathsep)):
    add_folder(_folder)
