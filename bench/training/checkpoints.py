"""Checkpoints of training: whole, as they were written, and without numbers that went astray."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError  # the error alone, which torch raises; nothing is unpickled
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from bench.writing import replace_file

DAMAGES = (UnpicklingError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError)
"""What reading a damaged checkpoint, or loading it into parts of another shape, may raise."""


def write_checkpoint(file: Path, content: Mapping[str, Any]) -> None:
    """Tensors, numbers and lists by name, whole or not at all; raises ``OSError``."""
    with replace_file(file) as temporary:
        torch.save(dict(content), temporary)


def read_checkpoint(file: Path, device: torch.device) -> dict[str, Any]:
    """The opposite; raises one of ``DAMAGES`` where the file is not as it was written.

    The archive holds a check sum of each member, which ``torch.load`` does not look at: a bit that fell over on the
    disk would be trained on.
    """
    try:
        with ZipFile(file) as archive:
            broken = archive.testzip()
    except (BadZipFile, NotImplementedError, zlib.error, struct.error) as error:
        raise ValueError(error) from error
    if broken:
        raise ValueError(f"wrong check sum of {broken}")
    content: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
    return content


def holds_nan(states: object) -> bool:
    """Whether any tensor in nested states holds a number that is none. Infinity may be meant: masks hold it."""
    return any(bool(tensor.isnan().any()) for tensor in _tensors(states) if tensor.is_floating_point())


def _tensors(states: object) -> Iterator[Tensor]:
    if isinstance(states, Tensor):
        yield states
    elif isinstance(states, Mapping):
        for part in states.values():
            yield from _tensors(part)
    elif isinstance(states, list | tuple):
        for part in states:
            yield from _tensors(part)
