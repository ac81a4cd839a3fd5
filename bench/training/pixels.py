"""Bytes to draw from: on the device where they fit, else in this machine's memory, else in a file mapped into it.

What is drawn is the same wherever they lie; where they do not lie on the device, each draw waits for it once.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.files import cache_folder
from bench.memory import free_memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_SHARE = 0.5
"""Of the free memory: networks and others need some too."""


class Pixels:
    """``values`` of any shape, drawn along the first axis by indices on ``device``."""

    def __init__(self, values: NDArray[np.uint8], device: torch.device) -> None:
        import torch

        self.device = device
        host = torch.device("cpu")
        held = np.array(values) if isinstance(values, np.memmap) and fits(values.nbytes, host) else values
        self._values = torch.from_numpy(held).to(device if fits(values.nbytes, device) else host)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        found = self._values[index if isinstance(index, slice) else index.to(self._values.device)]
        return found.to(self.device)


def fits(size: int, device: torch.device) -> bool:
    """Whether so many bytes may lie in the memory of ``device``."""
    return size <= _SHARE * free_memory(device)


def room_for(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array to fill, in memory where it fits, else in a file that is gone when the array is."""
    import torch

    if fits(int(np.prod(shape)), torch.device("cpu")):
        return np.empty(shape, np.uint8)
    folder = cache_folder() / "unpacked"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="pixels-") as file:
        return np.memmap(file.name, np.uint8, "w+", shape=shape)
