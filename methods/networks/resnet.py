"""Generator, critic and encoder of f-AnoGAN: residual networks that halve or double the image at each block.

Sizes and orders follow Schlegl et al. 2019 and its official code (tSchlegl/f-AnoGAN): at 64x64, one channel and
width 64 the trainable parameters number 8,539,329 (generator), 7,490,689 (critic) and 8,531,200 (encoder).
Generalised to any power of two from 32 to 256: one block per halving down to 4x4, channels doubling up to 8 widths.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import log2, sqrt

import torch
from torch import Tensor, nn

from bench.errors import ConfigError

from .convolution import Conv2d
from .norms import RectifiedBatchNorm, RectifiedLayerNorm
from .resampling import PooledConv, PooledShortcut, UpsampledConv, UpsampledShortcut

Norm = Callable[[int], nn.Module]
"""Makes the norm of so many channels, with the ReLU behind it."""


class UpBlock(nn.Module):
    """Pre-activation residual block that doubles height and width by nearest neighbour."""

    def __init__(self, c_in: int, c_out: int, norm: Norm) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = norm(c_in), norm(c_out)
        self.conv_1 = UpsampledConv(c_in, c_out, bias=False)
        self.conv_2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.shortcut = UpsampledShortcut(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:  # (N, c_in, H, W) -> (N, c_out, 2H, 2W)
        h = self.conv_1(self.norm_1(x))
        h = self.conv_2(self.norm_2(h))
        return self.shortcut(x) + h  # type: ignore[no-any-return]


class DownBlock(nn.Module):
    """Pre-activation residual block that halves height and width by 2x2 mean pooling."""

    def __init__(self, c_in: int, c_out: int, norm: Norm) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = norm(c_in), norm(c_in)
        self.conv_1 = Conv2d(c_in, c_in, 3, padding=1, bias=False)
        self.conv_2 = PooledConv(c_in, c_out)
        self.shortcut = PooledShortcut(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:  # (N, c_in, H, W) -> (N, c_out, H/2, W/2)
        h = self.conv_1(self.norm_1(x))
        h = self.conv_2(self.norm_2(h))
        return self.shortcut(x) + h  # type: ignore[no-any-return]


class Generator(nn.Module):
    """G: latent codes ``(N, latent_dim)`` -> images ``(N, C, S, S)`` in [-1, 1]."""

    def __init__(self, size: int, channels: int, latent_dim: int, width: int) -> None:
        super().__init__()
        plan = channel_plan(size, width)[::-1]  # 512, 512, 256, 128, 64 at 64x64
        self.start_channels = plan[0]
        self.linear = nn.Linear(latent_dim, plan[0] * 4 * 4)
        self.blocks = nn.Sequential(*(UpBlock(a, b, RectifiedBatchNorm) for a, b in pairwise(plan)))
        self.norm = RectifiedBatchNorm(plan[-1])
        self.to_image = nn.Conv2d(plan[-1], channels, 3, padding=1)
        channels_last(self)

    def forward(self, z: Tensor) -> Tensor:
        h = self.linear(z).view(-1, self.start_channels, 4, 4)
        if h.device.type != "cpu":  # there torch puts channels side by side from the first convolution on by itself
            h = h.contiguous(memory_format=torch.channels_last)
        return single(torch.tanh(self.to_image(self.norm(self.blocks(h)))))


class Critic(nn.Module):
    """D: images -> one real number each, ``D(x) = w . f(x) + b``; no statistics over the batch anywhere."""

    def __init__(self, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.body = down_path(size, channels, width, RectifiedLayerNorm)
        self.linear = nn.Linear(channel_plan(size, width)[-1] * 4 * 4, 1)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        """f(x): the flattened ``(N, n_d)`` input of the last layer, 8192 numbers at 64x64 and width 64."""
        return single(self.body(x).flatten(1))

    def forward(self, x: Tensor) -> Tensor:  # (N, C, S, S) -> (N,)
        return single(self.linear(self.features(x)).squeeze(1))


class Encoder(nn.Module):
    """E: images -> latent codes ``(N, latent_dim)``. The critic's body with batch norm, then a bounded or linear head.

    ``head='tanh'`` keeps codes within one standard deviation of the prior (the paper's choice); ``'linear'`` is
    needed where codes are regressed onto N(0, I), a third of which lies outside [-1, 1]. With ``spread`` the log
    variance of each number follows, ``(N, 2 latent_dim)``, which no head bounds.
    """

    def __init__(self, size: int, channels: int, latent_dim: int, width: int, head: str, spread: bool = False) -> None:
        super().__init__()
        self.body = down_path(size, channels, width, RectifiedBatchNorm)
        self.linear = nn.Linear(channel_plan(size, width)[-1] * 4 * 4, latent_dim * (2 if spread else 1))
        self.head, self.latent_dim = head, latent_dim
        channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        code = single(self.linear(self.body(x).flatten(1)))
        if self.head == "linear":
            return code
        return torch.cat([torch.tanh(code[:, : self.latent_dim]), code[:, self.latent_dim :]], dim=1)


def single(x: Tensor) -> Tensor:
    """Single precision for what leaves a network, where it computed in half of it: losses and scores need it."""
    return x.float() if x.dtype == torch.bfloat16 else x


def channels_last(network: nn.Module) -> None:
    """Keep all channels of a pixel side by side in memory: the order in which convolutions are fastest."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def down_path(size: int, channels: int, width: int, norm: Norm) -> nn.Sequential:
    """Image -> ``(N, 8 widths at most, 4, 4)``."""
    plan = channel_plan(size, width)
    blocks = (DownBlock(a, b, norm) for a, b in pairwise(plan))
    return nn.Sequential(Conv2d(channels, width, 3, padding=1), *blocks)


def channel_plan(size: int, width: int) -> list[int]:
    """Channels at each resolution from ``size`` down to 4: 64, 128, 256, 512, 512 for 64x64 at width 64."""
    if size not in (32, 64, 128, 256):
        raise ConfigError(f"The networks take images of 32, 64, 128 or 256 pixels, found {size}. Try --view resize:64.")
    return [width * min(2**level, 8) for level in range(int(log2(size)) - 1)]


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """The official code's start: Glorot uniform, times sqrt(2) for 3x3 convolutions inside the net; biases zero.

    ``generator`` must be a CPU generator, so that every device starts from the same weights.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            drawn = torch.empty(layer.weight.shape)  # in the usual order of memory: the same numbers in any layout
            nn.init.xavier_uniform_(drawn, gain=_gain(name), generator=generator)
            layer.weight.data.copy_(drawn)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _gain(name: str) -> float:
    in_block_or_output = name.endswith(("conv_1", "conv_2", "to_image"))
    return sqrt(2) if in_block_or_output else 1.0
