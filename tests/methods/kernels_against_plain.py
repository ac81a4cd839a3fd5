"""Triton's kernels of the layer norm against plain passes; a program, for its interpreter is chosen at import.

TRITON_INTERPRET=1 python tests/methods/kernels_against_plain.py
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from bench.plugins.methods.networks import norms_plain as plain
from bench.plugins.methods.networks import norms_triton as kernels
from bench.plugins.methods.networks.norms_plain import Normed

import bench.plugins  # noqa: F401 - makes the methods importable

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = [(2, 16, 4), (3, 100, 5), (1, 300, 64), (2, 4100, 3)]  # images, pixels, channels
EPS = 1e-5


def main():
    """Compare, and say how many were."""
    random = torch.Generator().manual_seed(0)
    compared = 0
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            x, y, v = (torch.randn(shape, generator=random).to(DEVICE, dtype) for _ in range(3))
            compared += compare(x + 100 if dtype == torch.float32 else x, y, v)
    compared += compare_batch_norm()
    compared += compare_statistics_far_from_zero()
    print(f"{compared} passes agree")


def compare(x, y, v):
    weight, bias = torch.randn(2, x.shape[2], generator=torch.Generator().manual_seed(1)).to(DEVICE)
    moments = plain.statistics(x.double(), EPS)
    normed = Normed(x, *(each.float() for each in moments), weight, bias)
    found = plain.sums(y, normed)
    of_v = plain.second_sums(v, y, normed, found)
    agree(kernels.statistics(x, EPS), normed[1:3])
    agree([kernels.rectified(normed)], [plain.rectified(normed)])
    agree(kernels.sums(y, normed), found)
    agree([kernels.gradient(y, normed, found)], [plain.gradient(y, normed, found)])
    agree(kernels.second_sums(v, y, normed, found), of_v)
    agree(kernels.second_gradients(v, y, normed, found, of_v), plain.second_gradients(v, y, normed, found, of_v))
    return 6


def compare_batch_norm():
    """Batch norm by kept statistics against torch's."""
    random = torch.Generator().manual_seed(3)
    x = torch.randn(3, 5, 7, 9, generator=random).to(DEVICE)
    mean, weight, bias = torch.randn(3, 5, generator=random).to(DEVICE)
    variance = torch.rand(5, generator=random).to(DEVICE)
    expected = F.relu(F.batch_norm(x, mean, variance, weight, bias, eps=1e-3))
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2).contiguous()
    found = kernels.rectified_by_channel(pixels, mean, variance, weight, bias, 1e-3)
    agree([found], [expected.permute(0, 2, 3, 1).flatten(1, 2)])
    return 1


def compare_statistics_far_from_zero():
    """Variance 1 about a mean of 10,000: squares in single precision would leave nothing of it."""
    x = torch.randn(2, 500, 8, generator=torch.Generator().manual_seed(2)).to(DEVICE) + 10_000
    agree(kernels.statistics(x, EPS), [each.float() for each in plain.statistics(x.double(), EPS)])
    return 1


def agree(found, expected):
    for mine, other in zip(found, expected, strict=True):
        assert mine.dtype == other.dtype
        scale = other.double().norm()
        error = 1e-2 if other.dtype == torch.bfloat16 else 2e-4
        assert (mine.double() - other.double()).norm() <= error * scale, (mine, other)


if __name__ == "__main__":
    main()
