"""Norms with the ReLU behind them, which a GPU computes in few passes over the images.

For layer norm, with <.> the mean over all channels and pixels of an image, r = 1 / sqrt(<(x - <x>)^2> + eps) and
h = r (x - <x>):

    y  = max(w h + b, 0)
    x' = r (a - <a> - h <a h>)                        a = w y' where y > 0, else 0; y', x': gradients by y and x

The gradient penalty differentiates x' once more. For a gradient v by x', with P v = v - <v> - h <v h>:

    by y':  w r P v  where y > 0, else 0
    by w:   sum of  y' r P v  where y > 0
    by x:   -r^2 (h (<a v> - <a> <v> - <a h> <v h>) + <a h> P v + <v h> P a)

Torch takes a pass over the images for each sign of these lines, in single precision; that was most of a critic step
on an H200. Here each line takes two, one that sums and one that writes (``norms_triton``).
"""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn

from . import norms_plain
from .convolution import by_parameters_too
from .norms_plain import Normed, Sums

_log = logging.getLogger("bench")


class RectifiedLayerNorm(nn.GroupNorm):
    """Layer norm over (C, H, W) of each sample, scale and offset per channel, then ReLU: no sample sees another."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W)
        if x.device.type == "cpu":  # torch's own way is as fast here
            return F.relu(super().forward(x))
        return rectified_layer_norm(x, self.weight, self.bias, self.eps)


class RectifiedBatchNorm(nn.BatchNorm2d):
    """Batch norm with TensorFlow's constants, as in the official code (its momentum .99 is torch's .01), then ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W)
        passes = _passes(x)
        if self.training or passes is norms_plain or (torch.is_grad_enabled() and x.requires_grad):
            return F.relu(super().forward(x))
        out = passes.rectified_by_channel(
            _pixels(x), self.running_mean, self.running_var, self.weight, self.bias, self.eps
        )
        return _images(out, x)


def rectified_layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """``(N, C, H, W)``, computed with all channels of a pixel side by side in memory; returned like that."""
    return _images(_Norm.apply(_pixels(x), weight, bias, eps), x)  # type: ignore[no-untyped-call]


def _pixels(x: Tensor) -> Tensor:
    """``(N, C, H, W) -> (N, H W, C)``, without a copy where channels are side by side already."""
    return x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).flatten(1, 2)


def _images(pixels: Tensor, x: Tensor) -> Tensor:
    """The opposite, in the shape of ``x``."""
    return pixels.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:  # noqa: ANN401
        passes = _passes(x)
        normed = Normed(x, *passes.statistics(x, eps), weight, bias)
        ctx.save_for_backward(*normed)
        return passes.rectified(normed)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        return *_Back.apply(gradients[0].contiguous(), *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


class _Back(torch.autograd.Function):
    """Gradients by image, scale and offset, of which the first can be differentiated."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, *saved: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        passes, normed = _passes(y), Normed(*saved)
        found = passes.sums(y, normed)
        ctx.save_for_backward(y, *saved, *found)
        ctx.set_materialize_grads(False)
        by_bias, by_weight = found.of_channels.sum(1) if by_parameters_too() else (None, None)
        return passes.gradient(y, normed, found), by_weight, by_bias

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        v, *others = gradients
        if v is None or any(other is not None for other in others):
            raise NotImplementedError("derivatives of the gradients by a layer norm's scale and offset")
        y, *saved = ctx.saved_tensors
        normed, found, v, passes = Normed(*saved[:5]), Sums(*saved[5:]), v.contiguous(), _passes(y)
        of_v = passes.second_sums(v, y, normed, found)
        by_y, by_x = passes.second_gradients(v, y, normed, found, of_v)
        return by_y, by_x, None, None, of_v.by_weight.sum(0), None


def _passes(x: Tensor) -> ModuleType:
    """The passes over images: of one kernel each where Triton is there, which comes with torch for NVIDIA GPUs."""
    return _of_a_gpu() if x.device.type == "cuda" and x.dtype != torch.float64 else norms_plain


@cache
def _of_a_gpu() -> ModuleType:
    try:
        from . import norms_triton

        norms_triton.statistics(torch.zeros(1, 4, 4, device="cuda"), 1.0)  # Triton needs a compiler for C, too
    except Exception as error:  # noqa: BLE001 - whatever it is, torch's own operations do the same
        _log.warning("Norms take torch's slower way on this GPU: Triton cannot be used (%s).", error)
        return norms_plain
    return norms_triton
