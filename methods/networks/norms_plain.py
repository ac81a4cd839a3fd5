"""The passes of a rectified layer norm over the images, in torch's own operations; ``norms`` has the formulas.

Images are ``(N, pixels, C)``, what belongs to an image ``(N,)``, sums over its pixels ``(N, C)``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Normed(NamedTuple):
    """Images, what their norm is made of, and the parameters ``(C,)``."""

    x: Tensor
    mean: Tensor
    inverse: Tensor
    """1 / sqrt(variance + eps)"""
    weight: Tensor
    bias: Tensor


class Sums(NamedTuple):
    """What a pass over y' finds, for the gradients that the next one writes."""

    of_channels: Tensor
    """Of y' where y > 0, and of y' h there; ``(2, N, C)``. Summed over images: the gradients by b and w."""
    a_mean: Tensor
    ah_mean: Tensor


class SecondSums(NamedTuple):
    """The same of a pass over v."""

    v_mean: Tensor
    vh_mean: Tensor
    av_mean: Tensor
    by_weight: Tensor
    """Gradient by w of each image alone; ``(N, C)``."""


def statistics(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + eps) of each image."""
    variance, mean = torch.var_mean(_wide(x), dim=(1, 2), correction=0)
    return mean, torch.rsqrt(variance + eps)


def rectified(of: Normed) -> Tensor:
    """y"""
    return (of.weight * _h(of) + of.bias).relu().to(of.x.dtype)


def sums(y: Tensor, of: Normed) -> Sums:
    """What x' is made of."""
    passed = _passed(y, of)
    of_channels = torch.stack([passed.sum(1), (passed * _h(of)).sum(1)])
    return Sums(of_channels, *(_mean(of.weight * each, of) for each in of_channels))


def gradient(y: Tensor, of: Normed, found: Sums) -> Tensor:
    """x'"""
    return (_each(of.inverse) * _projected_a(y, of, found)).to(of.x.dtype)


def second_sums(v: Tensor, y: Tensor, of: Normed, found: Sums) -> SecondSums:
    """What the derivatives of x' are made of."""
    wide, passed = _wide(v), _passed(y, of)
    v_mean, vh_mean = _mean(wide.sum(1), of), _mean((wide * _h(of)).sum(1), of)
    of_yv = (wide * passed).sum(1)
    of_y, of_yh = found.of_channels
    projected = of_yv - v_mean[:, None] * of_y - vh_mean[:, None] * of_yh
    return SecondSums(v_mean, vh_mean, _mean(of.weight * of_yv, of), of.inverse[:, None] * projected)


def second_gradients(v: Tensor, y: Tensor, of: Normed, found: Sums, of_v: SecondSums) -> tuple[Tensor, Tensor]:
    """By y' and by x."""
    h, r = _h(of), _each(of.inverse)
    pv = _projected(_wide(v), h, of_v.v_mean, of_v.vh_mean)
    along_h = of_v.av_mean - found.a_mean * of_v.v_mean - found.ah_mean * of_v.vh_mean
    across = _each(found.ah_mean) * pv + _each(of_v.vh_mean) * _projected_a(y, of, found)
    by_x = -r.square() * (h * _each(along_h) + across)
    by_y = torch.where(_is_on(of), of.weight * r * pv, 0)
    return by_y.to(y.dtype), by_x.to(of.x.dtype)


def _mean(sums: Tensor, of: Normed) -> Tensor:
    return sums.mean(1) / of.x.shape[1]


def _projected_a(y: Tensor, of: Normed, found: Sums) -> Tensor:
    return _projected(of.weight * _passed(y, of), _h(of), found.a_mean, found.ah_mean)


def _projected(z: Tensor, h: Tensor, mean: Tensor, h_mean: Tensor) -> Tensor:
    """P z, given <z> and <z h>."""
    return z - _each(mean) - h * _each(h_mean)


def _h(of: Normed) -> Tensor:
    return (of.x - _each(of.mean)) * _each(of.inverse)


def _is_on(of: Normed) -> Tensor:
    return of.weight * _h(of) + of.bias > 0


def _passed(y: Tensor, of: Normed) -> Tensor:
    return torch.where(_is_on(of), _wide(y), 0)


def _each(of_images: Tensor) -> Tensor:
    return of_images[:, None, None]


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype == torch.bfloat16 else x
