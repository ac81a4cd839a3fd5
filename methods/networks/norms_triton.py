"""The passes of rectified norms over the images, each as one kernel of a GPU; ``norms`` has the formulas.

Sums are taken in the same order every time, whatever the GPU and however many images there are.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from . import norms_kernels as kernels
from .norms_plain import Normed, SecondSums, Sums

_TILE = 4096  # numbers
_TILES = 4  # of a program
_WARPS = 8  # of 32 threads, of a program


def statistics(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """As ``norms_plain.statistics``, from sums about a pixel of each channel: no cancellation."""
    mean, inverse = _of_images(2, x)
    _combine(kernels.add_moments, x, _parts(kernels.moments, 2, x, x), mean, inverse, x, eps)
    return mean, inverse


def rectified(of: Normed) -> Tensor:
    """As ``norms_plain.rectified``."""
    out = torch.empty_like(of.x)
    _launch(kernels.rectified, of.x, out, *of)
    return out


def rectified_by_channel(x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Batch norm by kept statistics, then ReLU; ``(N, pixels, C)``."""
    out = torch.empty_like(x)
    _launch(kernels.rectified_by_channel, x, out, x, mean, variance, weight, bias, eps)
    return out


def sums(y: Tensor, of: Normed) -> Sums:
    """As ``norms_plain.sums``."""
    found = Sums(_of_channels(2, of.x), *_of_images(2, of.x))
    _combine(kernels.add_sums, of.x, _parts(kernels.sums, 2, of.x, y, *of), *found, of.weight)
    return found


def gradient(y: Tensor, of: Normed, found: Sums) -> Tensor:
    """As ``norms_plain.gradient``."""
    out = torch.empty_like(of.x)
    _launch(kernels.gradient, of.x, out, y, *of, *found[1:])
    return out


def second_sums(v: Tensor, y: Tensor, of: Normed, found: Sums) -> SecondSums:
    """As ``norms_plain.second_sums``."""
    of_v = SecondSums(*_of_images(3, of.x), *_of_channels(1, of.x))
    parts = _parts(kernels.second_sums, 3, of.x, v, y, *of)
    _combine(kernels.add_second_sums, of.x, parts, *of_v, of.weight, of.inverse, found.of_channels)
    return of_v


def second_gradients(v: Tensor, y: Tensor, of: Normed, found: Sums, of_v: SecondSums) -> tuple[Tensor, Tensor]:
    """As ``norms_plain.second_gradients``."""
    by_y, by_x = torch.empty_like(y), torch.empty_like(of.x)
    _launch(kernels.second_gradients, of.x, by_y, by_x, v, y, *of, *found[1:], *of_v[:3])
    return by_y, by_x


def _of_images(count: int, x: Tensor) -> Tensor:
    return torch.empty(count, x.shape[0], device=x.device)


def _of_channels(count: int, x: Tensor) -> Tensor:
    return torch.empty(count, x.shape[0], x.shape[2], device=x.device)


def _grid(x: Tensor) -> tuple[int, int, int, int]:
    """Images, stretches of each, pixels of a tile, and its columns, of which some may be beyond the channels."""
    n, pixels, channels = x.shape
    columns = triton.next_power_of_2(channels)
    rows = max(1, _TILE // columns)
    return n, triton.cdiv(pixels, rows * _TILES), rows, columns


def _launch(kernel: Any, x: Tensor, *arguments: Tensor | float) -> None:  # noqa: ANN401 - Triton's
    """A program for each stretch."""
    n, stretches, rows, columns = _grid(x)
    with torch.cuda.device_of(x):
        kernel[n, stretches](*arguments, *x.shape[1:], ROWS=rows, COLUMNS=columns, TILES=_TILES, num_warps=_WARPS)


def _parts(kernel: Any, count: int, x: Tensor, *arguments: Tensor) -> Tensor:  # noqa: ANN401 - Triton's
    """``(count, N, stretches, C)``: what the kernel sums."""
    n, stretches, _, _ = _grid(x)
    parts = torch.empty(count, n, stretches, x.shape[2], device=x.device)
    _launch(kernel, x, parts, *arguments)
    return parts


def _combine(kernel: Any, x: Tensor, parts: Tensor, *arguments: Tensor | float) -> None:  # noqa: ANN401 - Triton's
    """A program for each image, which adds up its stretches."""
    n, stretches, rows, columns = _grid(x)
    rows = min(rows, triton.next_power_of_2(stretches))
    with torch.cuda.device_of(x):
        kernel[(n,)](
            parts, *arguments, *x.shape[1:], stretches, ROWS=rows, COLUMNS=columns, ROUNDS=triton.cdiv(stretches, rows)
        )
