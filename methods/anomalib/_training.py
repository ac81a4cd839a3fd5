"""Lightning's trainer over our images: the model's own steps, losses, optimisers and schedules; our batches and seeds.

Its checkpoints, loggers and validation figures are off. An interrupted training begins anew.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from bench.contracts import Context, Images


class Passes(IterableDataset[Tensor]):
    """Passes over the training images: ``steps`` of random views at most, or a fixed subsample (``bank``) in order."""

    def __init__(self, images: Images, batch_size: int, bank: int | None, steps: int | None, context: Context) -> None:
        self._images, self._batch_size, self._context = images, min(batch_size, len(images)), context
        self._bank, self._steps = bank, steps
        self._step = 0

    def __len__(self) -> int:
        if self._bank:
            return ceil(self._bank / self._batch_size)
        whole = ceil(len(self._images) / self._batch_size)
        return min(whole, self._steps or whole)  # a random crop has as many views as positions

    def __iter__(self) -> Iterator[Any]:
        return map(_as_batch, self._remembered() if self._bank else self._drawn())

    def _drawn(self) -> Iterator[Tensor]:
        for _ in range(len(self)):
            yield self._images.draw(self._batch_size, self._context.generator("anomalib", self._step))
            self._step += 1

    def _remembered(self) -> Iterator[Tensor]:
        tiles = count_tiles(self._images)
        wanted = torch.zeros(tiles, dtype=torch.bool)
        wanted[torch.randperm(tiles, generator=self._context.cpu_generator("bank"))[: self._bank]] = True
        done, waiting = 0, []
        for batch in self._images.batches(self._batch_size):
            waiting += list(batch[wanted[done : done + len(batch)].to(batch.device)])
            done += len(batch)
            while len(waiting) >= self._batch_size:  # Lightning counts batches, and would leave out the last of many
                yield torch.stack(waiting[: self._batch_size])
                del waiting[: self._batch_size]
        if waiting:
            yield torch.stack(waiting)


def count_tiles(images: Images) -> int:
    """How many images, or tiles of a regular grid, ``images.batches`` gives; of crops ``len`` counts the positions."""
    return sum(len(batch) for batch in images.batches(1024))


class _Validation(IterableDataset[Tensor]):
    """Normal validation images, for models that scale their maps by them."""

    def __init__(self, images: Images, batch_size: int) -> None:
        self._images, self._batch_size = images, batch_size

    def __len__(self) -> int:
        return ceil(len(self._images) / self._batch_size)

    def __iter__(self) -> Iterator[Any]:
        return map(_as_batch, self._images.batches(self._batch_size))


def as_colour(images: Tensor) -> Tensor:
    """``(N, C, S, S)`` in [-1, 1] -> ``(N, 3, S, S)`` in [0, 1], laid out as models that call ``view`` expect."""
    return ((images + 1) / 2).expand(-1, 3, -1, -1).contiguous()


def _as_batch(images: Tensor) -> Any:  # noqa: ANN401 - anomalib is imported late
    from anomalib.data import ImageBatch

    n, _, height, width = images.shape
    return ImageBatch(
        image=as_colour(images),
        gt_label=torch.zeros(n, dtype=torch.bool, device=images.device),
        gt_mask=torch.zeros(n, height, width, dtype=torch.bool, device=images.device),
    )


def train(
    module: Any,  # noqa: ANN401 - anomalib's
    images: Images,
    val: Images,
    used: int,
    batch_size: int,
    steps: int | None,
    context: Context,
) -> None:
    """Fit the module. ``steps`` is ``None`` for a model that looks at ``used`` of the images and remembers them."""
    from lightning.pytorch import LightningDataModule, Trainer
    from lightning.pytorch.plugins.environments import LightningEnvironment

    passes = Passes(images, batch_size, used if steps is None else None, steps, context)

    class Ours(LightningDataModule):
        train_batch_size = passes._batch_size

        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(passes, batch_size=None)

        def val_dataloader(self) -> DataLoader[Any]:
            return DataLoader(_Validation(val, batch_size), batch_size=None)

    settings: dict[str, Any] = {
        "accelerator": "gpu" if context.device.type == "cuda" else "cpu",
        "devices": [context.device.index or 0] if context.device.type == "cuda" else 1,
        "max_epochs": 1 if steps is None else ceil(steps / len(passes)),
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "enable_progress_bar": sys.stderr.isatty(),
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
        "plugins": [LightningEnvironment()],  # one process, also within a job of Slurm that Lightning would join
    }
    own = {name: value for name, value in module.trainer_arguments.items() if name not in ("devices", "max_steps")}
    if steps is not None:
        own.pop("max_epochs", None)
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
        Trainer(**{**settings, **own}).fit(module, datamodule=Ours())
    module.trainer = None
