"""3x3 convolutions joined with the resampling beside them: the same function with 2.25 times fewer multiplications.

    mean-pool 2x2 of conv 3x3      =  conv 4x4 of stride 2               K = P k P',   P = 1/2 [100 110 011 001]
    conv 3x3 of nearest upsampling =  transposed conv 4x4 of stride 2    K = U k U',   U =     [001 011 110 100]

Both hold exactly, zero padding included; in floating point sums are taken in another order. Parameters stay those of
the 3x3 convolution, so weights, initialisation and optimisers know nothing of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn

from .convolution import Conv2d, conv2d

_POOLED = ((0.5, 0.0, 0.0), (0.5, 0.5, 0.0), (0.0, 0.5, 0.5), (0.0, 0.0, 0.5))
_COPIED = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
_SMALLEST = 8  # pixels on the small side from which joining pays; below, the larger kernel costs more than it saves


class _JoinedConv(Conv2d):
    """A 3x3 convolution with padding 1 and the 4x4 kernel made from its own."""

    _rows: tuple[tuple[float, ...], ...]
    _matrix: Tensor

    def __init__(self, c_in: int, c_out: int, bias: bool = True) -> None:
        super().__init__(c_in, c_out, 3, padding=1, bias=bias)
        matrix = torch.tensor(self._rows)
        self.register_buffer("_matrix", torch.kron(matrix, matrix), persistent=False)  # goes where the weights go
        self._kept: tuple[int, int, Tensor] | None = None

    def kernel(self) -> Tensor:
        """``(c_out, c_in, 4, 4)``; made once for weights that do not learn, until they are changed or moved.

        Weights that learn drop what was kept: a fused optimiser changes them and does not raise their version.
        """
        if self.weight.requires_grad or torch.compiler.is_compiling():
            self._kept = None
            return spread(self.weight, self._matrix)
        state = self.weight.data_ptr(), self.weight._version
        if self._kept is None or self._kept[:2] != state:
            with torch.inference_mode(False), torch.no_grad():  # a search may need its gradient later
                self._kept = *state, spread(self.weight, self._matrix)
        return self._kept[2]


class PooledConv(_JoinedConv):
    """3x3 convolution, then 2x2 mean pooling: ``(N, c_in, H, W) -> (N, c_out, H/2, W/2)``."""

    _rows = _POOLED

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(x) if x.shape[-1] >= 2 * _SMALLEST else self.plain(x)

    def plain(self, x: Tensor) -> Tensor:
        """One after the other: what ``joined`` must equal."""
        return F.avg_pool2d(super().forward(x), 2)

    def joined(self, x: Tensor) -> Tensor:
        return conv2d(x, self.kernel(), self.bias, stride=2, padding=1)


class UpsampledConv(_JoinedConv):
    """Nearest upsampling by two, then 3x3 convolution: ``(N, c_in, H, W) -> (N, c_out, 2H, 2W)``."""

    _rows = _COPIED

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(x) if x.shape[-1] >= _SMALLEST else self.plain(x)

    def plain(self, x: Tensor) -> Tensor:
        """One after the other: what ``joined`` must equal."""
        return super().forward(upsample(x))

    def joined(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.kernel().transpose(0, 1), self.bias, stride=2, padding=1)


class PooledShortcut(Conv2d):
    """2x2 mean pooling, then 1x1 convolution: ``(N, c_in, H, W) -> (N, c_out, H/2, W/2)``."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(x) if x.device.type == "cpu" else self.joined(x)

    def plain(self, x: Tensor) -> Tensor:
        """One after the other: what ``joined`` must equal."""
        return super().forward(F.avg_pool2d(x, 2))

    def joined(self, x: Tensor) -> Tensor:
        """More multiplications, and a GPU's slow pooling of channels side by side avoided."""
        return conv2d(x, _fourfold(self.weight / 4), self.bias, stride=2, padding=0)


class UpsampledShortcut(nn.Conv2d):
    """1x1 convolution, then nearest upsampling by two: ``(N, c_in, H, W) -> (N, c_out, 2H, 2W)``.

    The two commute, and in this order the convolution costs a quarter.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(x) if x.device.type == "cpu" else self.joined(x)

    def plain(self, x: Tensor) -> Tensor:
        """One after the other: what ``joined`` must equal."""
        return upsample(super().forward(x))

    def joined(self, x: Tensor) -> Tensor:
        """In one kernel, which writes each pixel four times."""
        return F.conv_transpose2d(x, _fourfold(self.weight).transpose(0, 1), self.bias, stride=2)


def _fourfold(kernel: Tensor) -> Tensor:
    """``(c_out, c_in, 1, 1) -> (c_out, c_in, 2, 2)``."""
    return kernel.expand(-1, -1, 2, 2).contiguous(memory_format=torch.channels_last)


def upsample(x: Tensor) -> Tensor:
    """Nearest neighbour times two. (``pixel_shuffle`` of tiled channels, seen in ports, mixes channels instead.)"""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def spread(kernel: Tensor, matrix: Tensor) -> Tensor:
    """``(c_out, c_in, 3, 3) -> (c_out, c_in, 4, 4)``: ``M k M'``, of which ``matrix`` is the 16x9 Kronecker product.

    In the weights' precision, and all channels of a pixel side by side before and after.
    """
    pixels = kernel.permute(0, 2, 3, 1).flatten(1, 2)  # (c_out, 9, c_in)
    with torch.autocast(kernel.device.type, enabled=False):
        return (matrix @ pixels).unflatten(1, (4, 4)).permute(0, 3, 1, 2)
