"""Convolutions joined with resampling against one after the other, alone and in whole networks under training."""

from __future__ import annotations

import pytest
import torch
from bench.plugins.methods.networks import resnet
from bench.plugins.methods.networks.resampling import PooledConv, PooledShortcut, UpsampledConv, UpsampledShortcut
from bench.plugins.methods.training.wgan_gp import GanParams, build, descend, gradient_penalty
from torch import Tensor, nn

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.contracts import ImageShape

JOINED = [PooledConv, UpsampledConv]
SHORTCUTS = [PooledShortcut, UpsampledShortcut]


def second_order(layer: nn.Module, forward, x: Tensor) -> list[Tensor]:
    """The output, its gradients, and the gradients of the squared norm of its gradient, as a penalty needs them."""
    x = x.clone().requires_grad_()
    out = forward(x)
    (gradient,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    again = torch.autograd.grad(gradient.square().sum(), [x, *layer.parameters()], allow_unused=True)
    return [out, gradient, *(g for g in again if g is not None)]


@pytest.mark.parametrize("kind", JOINED)
@pytest.mark.parametrize("size", [2, 6, 16])
@pytest.mark.parametrize("bias", [True, False])
def test_joined_is_one_after_the_other_up_to_second_derivatives(kind, size, bias):
    layer, x = kind(3, 5, bias=bias).double(), torch.randn(2, 3, size, size, dtype=torch.float64)
    joined, plain = (second_order(layer, forward, x) for forward in (layer.joined, layer.plain))
    assert len(joined) == len(plain) >= 4
    for ours, theirs in zip(joined, plain, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", SHORTCUTS)
@pytest.mark.parametrize("size", [2, 16])
def test_joined_shortcuts_are_one_after_the_other_up_to_second_derivatives(kind, size):
    layer, x = kind(3, 5).double(), torch.randn(2, 3, size, size, dtype=torch.float64)
    joined, plain = (second_order(layer, forward, x) for forward in (layer.joined, layer.plain))
    assert len(joined) == len(plain) >= 4
    for ours, theirs in zip(joined, plain, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", JOINED)
def test_joined_in_single_precision(kind):
    layer, x = kind(16, 16), torch.randn(4, 16, 16, 16)
    assert torch.allclose(layer.joined(x), layer.plain(x), atol=1e-5)


@pytest.mark.parametrize("kind", JOINED)
def test_weights_are_those_of_a_3x3_convolution(kind):
    theirs = nn.Conv2d(3, 5, 3, padding=1)
    ours = kind(3, 5)
    ours.load_state_dict(theirs.state_dict())
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        "weight": (5, 3, 3, 3),
        "bias": (5,),
    }


@pytest.mark.parametrize("kind", JOINED)
def test_images_large_enough_are_joined_and_small_ones_are_not(kind, monkeypatch):
    taken = []
    monkeypatch.setattr(kind, "joined", lambda self, x: taken.append(("joined", x.shape[-1])))
    monkeypatch.setattr(kind, "plain", lambda self, x: taken.append(("plain", x.shape[-1])))
    for size in (4, 8, 16):
        kind(1, 1)(torch.zeros(1, 1, size, size))
    smallest = 16 if kind is PooledConv else 8
    assert taken == [("joined" if size >= smallest else "plain", size) for size in (4, 8, 16)]


@pytest.mark.parametrize("kind", JOINED)
def test_frozen_weights_keep_their_kernel_until_they_change(kind):
    layer, x = kind(3, 5), torch.randn(2, 3, 16, 16)
    layer.requires_grad_(False)
    with torch.inference_mode():
        first = layer.joined(x)
    assert layer.kernel() is layer.kernel()
    with torch.no_grad():
        layer.weight.mul_(2)
        layer.bias.mul_(2)
    assert torch.allclose(layer.joined(x), 2 * first, atol=1e-6)
    layer.load_state_dict(kind(3, 5).state_dict())
    assert torch.allclose(layer.joined(x), layer.plain(x), atol=1e-5)
    assert layer.double().joined(x.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", JOINED)
def test_no_kernel_outlives_what_was_learnt_since(kind):
    """As networks are trained on a GPU: its optimiser changes weights without telling their version."""
    layer, x = kind(3, 5), torch.randn(2, 3, 16, 16)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1, fused=True)
    for _ in range(2):
        layer.requires_grad_(True)
        version = layer.weight._version
        descend(optimiser, layer.joined(x).square().mean())
        assert layer.weight._version == version
        layer.requires_grad_(False)
        torch.testing.assert_close(layer.joined(x), layer.plain(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", JOINED)
def test_a_kernel_made_in_inference_mode_serves_gradients_later(kind):
    layer, x = kind(3, 5).requires_grad_(False), torch.randn(2, 3, 16, 16)
    with torch.inference_mode():
        layer.joined(x)
    joined, plain = (torch.autograd.grad(forward(y := x.clone().requires_grad_()).square().sum(), y)[0]
                     for forward in (layer.joined, layer.plain))  # fmt: skip
    assert torch.allclose(joined, plain, atol=1e-4)


@pytest.mark.parametrize("kind", JOINED)
def test_a_kernel_made_under_bf16_is_in_single_precision(kind):
    layer, x = kind(3, 5).requires_grad_(False), torch.randn(2, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.joined(x).dtype == torch.bfloat16
    assert torch.allclose(layer.joined(x), layer.plain(x), atol=1e-5)


@pytest.fixture
def plain_networks(monkeypatch):
    """From here on, networks as the equations have them: resampling apart, channels in torch's usual order."""

    def switch() -> None:
        for kind in JOINED:
            monkeypatch.setattr(kind, "forward", kind.plain)
        monkeypatch.setattr(resnet, "channels_last", lambda network: None)

    return switch


def traced(dtype: torch.dtype, steps: int) -> list[Tensor]:
    """Losses and penalties of a few steps of WGAN-GP at 32x32 from a fixed seed, and the last weights."""
    random = torch.Generator().manual_seed(3)
    generator, critic = build(ImageShape(1, 32), GanParams(width=4, latent_dim=6))
    for network in (generator, critic):
        resnet.initialise(network, random)
        network.to(dtype).train()
    adam_g, adam_d = (torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.0, 0.9)) for net in (generator, critic))
    trace = []
    for _ in range(steps):
        real, z = torch.rand(6, 1, 32, 32, generator=random), torch.randn(6, 6, generator=random)
        alpha = torch.rand(6, 1, 1, 1, generator=random)
        real, z, alpha = real.to(dtype), z.to(dtype), alpha.to(dtype)
        penalty = gradient_penalty(critic, real, generator(z).detach(), alpha)
        descend(adam_d, critic(generator(z).detach()).mean() - critic(real).mean() + 10 * penalty)
        loss = -critic(generator(z)).mean()
        descend(adam_g, loss)
        trace += [penalty.detach(), loss.detach()]
    return [*trace, *(p.detach().clone() for net in (generator, critic) for p in net.parameters())]


def test_ten_steps_of_training_are_those_of_plain_networks(plain_networks):
    fast = traced(torch.float64, 10)
    plain_networks()
    plain = traced(torch.float64, 10)
    assert all(torch.allclose(ours, theirs, rtol=1e-8, atol=1e-9) for ours, theirs in zip(fast, plain, strict=True))


def test_three_steps_in_single_precision(plain_networks):
    """Few: rounding grows from step to step, faster where Adam divides by the root of a small number."""
    fast = traced(torch.float32, 3)[:6]
    plain_networks()
    assert all(
        torch.allclose(ours, theirs, rtol=1e-3) for ours, theirs in zip(fast, traced(torch.float32, 3), strict=False)
    )


@pytest.mark.parametrize("size", [32, 64])
def test_whole_networks_equal_plain_ones(size, plain_networks):
    def answers() -> list[Tensor]:
        random = torch.Generator().manual_seed(5)
        generator = resnet.Generator(size, 1, latent_dim=6, width=4).eval()
        critic = resnet.Critic(size, 1, width=4)
        encoder = resnet.Encoder(size, 1, latent_dim=6, width=4, head="tanh").eval()
        for network in (generator, critic, encoder):
            resnet.initialise(network, random)
            network.double()
        images = generator(torch.randn(3, 6, generator=random, dtype=torch.float64))
        return [images, critic.features(images), encoder(images)]

    fast = answers()
    plain_networks()
    assert all(torch.allclose(ours, theirs, atol=1e-11) for ours, theirs in zip(fast, answers(), strict=True))
