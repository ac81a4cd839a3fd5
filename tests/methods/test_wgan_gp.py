"""The adversarial losses against closed forms."""

from __future__ import annotations

import pytest
import torch
from bench.plugins.methods.networks.parts import freeze
from bench.plugins.methods.networks.resnet import Critic, Generator
from bench.plugins.methods.training.wgan_gp import gradient_penalty

import bench.plugins  # noqa: F401 - makes the methods importable


def test_penalty_of_a_linear_critic_is_known():
    """D(x) = <w, x>: the gradient is w everywhere, so the penalty is (||w|| - 1)^2."""
    w = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    real, fake = torch.randn(2, 4, 3, 5, 5, dtype=torch.float64)
    alpha = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    penalty = gradient_penalty(lambda x: (x * w).sum(dim=(1, 2, 3)), real, fake, alpha)
    assert penalty.item() == pytest.approx((w.norm().item() - 1) ** 2, rel=1e-12)


def test_penalty_takes_one_factor_and_one_norm_per_sample():
    """D(x) = sum x^2 / 2: the gradient is x_hat itself, so the factor and the norm show."""
    real, fake = torch.randn(2, 4, 2, 3, 3, dtype=torch.float64)
    alpha = torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64).view(4, 1, 1, 1)
    penalty = gradient_penalty(lambda x: x.square().sum(dim=(1, 2, 3)) / 2, real, fake, alpha)
    by_hand = [((r + a * (f - r)).flatten().norm() - 1) ** 2 for r, f, a in zip(real, fake, alpha, strict=True)]
    assert penalty.item() == pytest.approx(torch.stack(by_hand).mean().item(), rel=1e-12)


def test_penalty_teaches_the_critic():
    """Its gradient with respect to the critic's weight is the closed form 2 (|w| - 1) sign(w) for D(x) = w x."""
    w = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 5, 1, 1, 1, dtype=torch.float64)
    gradient_penalty(lambda x: (w * x).flatten(), x[0], x[1], torch.rand(5, 1, 1, 1, dtype=torch.float64)).backward()
    assert w.grad.item() == pytest.approx(2 * (3 - 1))


@pytest.mark.parametrize("network", [Generator(32, 1, 4, 2), Critic(32, 1, 2)])
def test_freezing_stops_learning_and_batch_statistics(network):
    frozen = freeze(network.train())
    assert not frozen.training
    assert not any(p.requires_grad for p in frozen.parameters())
