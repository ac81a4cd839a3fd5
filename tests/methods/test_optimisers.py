"""Fast optimisers against the plain ones."""

from __future__ import annotations

import torch
from bench.plugins.methods.training.optimisers import adam
from torch import nn

import bench.plugins  # noqa: F401 - makes the methods importable


def test_adam_in_one_kernel_steps_as_torchs_plain_one():
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=generator) for shape in [(3, 4), (5,), (2, 3, 3, 3)]]
    ours, plain = ([nn.Parameter(value.clone()) for value in start] for _ in range(2))
    optimisers = adam(ours, 0.01, (0.5, 0.9)), torch.optim.Adam(plain, lr=0.01, betas=(0.5, 0.9), foreach=False)
    for _ in range(10):
        for mine, theirs in zip(ours, plain, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            theirs.grad = mine.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for mine, theirs, first in zip(ours, plain, start, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
        assert (mine - first).abs().min() > 1e-4
