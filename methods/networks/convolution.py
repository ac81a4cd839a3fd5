"""A convolution whose gradient can be differentiated fast on a GPU, as the gradient penalty asks for.

With <conv(x, w), y> for images x and y and a kernel w, linear in each of the three, the derivatives of any of

    conv(x, w),     its adjoint in x:  back(y, w),     its adjoint in w:  weigh(x, y)

are the other two, to any order. Torch's own formula for the second derivative takes the image for the kernel of a
convolution of 64x64, which no library computes well: two thirds of a critic step on an H200.

Torch tells a function written in Python that a parameter learns, not whether its gradient is asked for just now. Where
only that of images is, ``by_images_only`` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

_by_parameters = True  # of the process, not of a thread: gradients are computed in threads of torch's own


@contextmanager
def by_images_only() -> Iterator[None]:
    """Within the block no gradient by a parameter is computed."""
    global _by_parameters
    before, _by_parameters = _by_parameters, False
    try:
        yield
    finally:
        _by_parameters = before


def by_parameters_too() -> bool:
    """Whether gradients by parameters are asked for."""
    return _by_parameters


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``, its parameters and its numbers; groups, dilation and padding modes are not for it."""

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, self.stride[0], int(self.padding[0]))


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """``torch.nn.functional.conv2d`` for images whose sides ``stride`` divides without rest."""
    if x.device.type == "cpu":  # torch's own way is as fast here
        return F.conv2d(x, weight, bias, stride, padding)
    return differentiable(x, weight, bias, stride, padding)


def differentiable(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """The same through the three functions below."""
    x, weight = _as_autocast(x), _as_autocast(weight)
    bias = None if bias is None else bias.to(x.dtype)
    return _Conv.apply(x, weight, bias, stride, padding)  # type: ignore[no-any-return, no-untyped-call]


def _side_by_side(x: Tensor) -> Tensor:
    """With all channels of a pixel side by side in memory, and seen to be so: of a single channel any order is, but
    torch takes the usual strides for the other order, and all that is convolved from it would come in that."""
    if x.shape[1] == 1:
        return x.contiguous().squeeze(1).unsqueeze(-1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last)


def _as_autocast(x: Tensor) -> Tensor:
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def _over_images(y: Tensor) -> Tensor:
    """``(N, C, H, W) -> (C,)``; in one go torch's kernel takes three times as long."""
    return y.sum(dim=(2, 3)).sum(dim=0)


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding
        return F.conv2d(_side_by_side(x), weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        (y,), (x, weight) = gradients, ctx.saved_tensors
        of_x, of_weight, of_bias, *_ = ctx.needs_input_grad
        return (
            _Back.apply(y, weight, *ctx.geometry) if of_x else None,  # type: ignore[no-untyped-call]
            _Weigh.apply(x, y, weight.shape, *ctx.geometry) if of_weight and _by_parameters else None,  # type: ignore[no-untyped-call]
            _over_images(y) if of_bias and _by_parameters else None,
            None,
            None,
        )


class _Back(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(y, weight)
        ctx.geometry = stride, padding
        return F.conv_transpose2d(_side_by_side(y), weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        (x,), (y, weight) = gradients, ctx.saved_tensors
        of_y, of_weight, *_ = ctx.needs_input_grad
        return (
            _Conv.apply(x, weight, None, *ctx.geometry) if of_y else None,  # type: ignore[no-untyped-call]
            _Weigh.apply(x, y, weight.shape, *ctx.geometry) if of_weight else None,  # type: ignore[no-untyped-call]
            None,
            None,
        )


class _Weigh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, shape: torch.Size, stride: int, padding: int) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, y)
        ctx.geometry = stride, padding
        return conv2d_weight(_side_by_side(x), shape, _side_by_side(y), stride, padding)  # type: ignore[arg-type, no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        (weight,), (x, y) = gradients, ctx.saved_tensors
        of_x, of_y, *_ = ctx.needs_input_grad
        return (
            _Back.apply(y, weight, *ctx.geometry) if of_x else None,  # type: ignore[no-untyped-call]
            _Conv.apply(x, weight, None, *ctx.geometry) if of_y else None,  # type: ignore[no-untyped-call]
            None,
            None,
            None,
        )
