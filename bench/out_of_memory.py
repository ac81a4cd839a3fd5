"""Where a GPU's memory does not suffice: smaller batches if they give the same answers, else a word on what to try."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

_log = logging.getLogger("bench")
Result = TypeVar("Result")


class InBatches(Generic[Result]):
    """Calls ``work`` on at most so many items at once; where memory does not suffice, on half as many from then on."""

    def __init__(self, work: Callable[[NDArray[Any]], Result], most: int) -> None:
        self._work, self.most = work, most

    def __call__(self, items: NDArray[Any]) -> Iterator[Result]:
        """Raises ``torch.OutOfMemoryError`` where a single item is too large."""
        while len(items):
            batch = items[: self.most]
            done = self._tried(batch)
            if done:
                items = items[len(batch) :]
                yield done[0]

    def _tried(self, batch: NDArray[np.generic]) -> tuple[Result] | None:
        try:
            return (self._work(batch),)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
        # Not within the except clause: the error's stack keeps alive what filled the memory.
        torch.cuda.empty_cache()
        self.most = len(batch) // 2
        _log.warning("out of memory with %d images at once; going on with %d", len(batch), self.most)
        return None


def what_to_try(method: str, params: Mapping[str, Any], device: torch.device, error: torch.OutOfMemoryError) -> str:
    """The reason of a run whose training does not fit: the batch is part of what is learnt, so the user decides."""
    cause = str(error).partition("\n")[0]
    batch = params.get("batch_size")
    if not isinstance(batch, int) or batch < 2:
        return f"Training does not fit into the memory of {device}: {cause} Try smaller images: --view resize:SIZE."
    return (
        f"Training with batch_size={batch} does not fit into the memory of {device}: {cause}"
        f" Try --set {method}.batch_size={batch // 2}."
    )
