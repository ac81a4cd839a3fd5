"""The networks against the specification of the paper's official code."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from bench.plugins.methods.networks import resnet
from bench.plugins.methods.networks.resampling import upsample
from torch import nn

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.errors import ConfigError

PAPER = {"size": 64, "channels": 1, "width": 64}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_parameter_counts_of_the_paper():
    assert parameters(resnet.Generator(latent_dim=128, **PAPER)) == 8_539_329
    assert parameters(resnet.Critic(**PAPER)) == 7_490_689
    assert parameters(resnet.Encoder(latent_dim=128, head="tanh", **PAPER)) == 8_531_200


@pytest.mark.parametrize("size", [32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_every_size_and_number_of_channels(size, channels):
    generator = resnet.Generator(size, channels, latent_dim=7, width=2).eval()
    critic = resnet.Critic(size, channels, width=2)
    encoder = resnet.Encoder(size, channels, latent_dim=7, width=2, head="linear").eval()
    image = generator(torch.randn(3, 7))
    assert image.shape == (3, channels, size, size)
    assert image.abs().max() <= 1
    assert critic(image).shape == (3,)
    assert critic.features(image).shape == (3, min(2 ** int(math.log2(size) - 2), 8) * 2 * 16)
    assert encoder(image).shape == (3, 7)


@pytest.mark.parametrize("size", [16, 48, 512])
def test_other_sizes_are_refused_with_a_way_out(size):
    with pytest.raises(ConfigError, match="32, 64, 128 or 256"):
        resnet.Critic(size, 1, 4)


def test_upsampling_is_nearest_neighbour():
    x = torch.arange(2 * 3 * 2 * 2).view(2, 3, 2, 2).float()
    assert torch.equal(upsample(x), x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


def test_upsampling_before_or_after_a_1x1_convolution_is_the_same():
    """The generator's shortcut is computed on the small side; the paper's code upsamples first."""
    shortcut = resnet.UpBlock(3, 5, resnet.RectifiedLayerNorm).double().shortcut
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    assert torch.allclose(shortcut(x), F.conv2d(upsample(x), shortcut.weight, shortcut.bias), atol=1e-12)


def test_critic_judges_each_sample_alone():
    critic = resnet.Critic(32, 1, 4).train()
    assert not any(
        isinstance(m, nn.modules.batchnorm._BatchNorm | nn.modules.dropout._DropoutNd) for m in critic.modules()
    )
    assert critic.state_dict().keys() == dict(critic.named_parameters()).keys()  # nothing is kept from batch to batch
    x = torch.randn(6, 1, 32, 32)
    assert torch.allclose(critic(x)[:2], critic(x[:2]), atol=1e-5)


def test_critic_norm_is_over_channels_and_pixels_with_one_scale_per_channel():
    norm = resnet.RectifiedLayerNorm(4)
    assert [tuple(p.shape) for p in norm.parameters()] == [(4,), (4,)]
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    by_hand = (x - x.mean((1, 2, 3), keepdim=True)) / (x.var((1, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    assert torch.allclose(norm.double()(x), by_hand.relu(), atol=1e-12)


def test_batch_norm_has_tensorflows_constants():
    norm = resnet.RectifiedBatchNorm(3)
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_critic_is_linear_in_its_features():
    critic = resnet.Critic(32, 1, 4)
    x = torch.randn(3, 1, 32, 32)
    by_hand = critic.features(x) @ critic.linear.weight[0] + critic.linear.bias
    assert torch.allclose(critic(x), by_hand, atol=1e-6)


def test_tanh_head_bounds_codes_and_linear_does_not():
    x = 100 * torch.randn(8, 1, 32, 32)
    bounded, free = (resnet.Encoder(32, 1, 16, 2, head).eval() for head in ("tanh", "linear"))
    nn.init.constant_(free.linear.bias, 3.0)
    assert bounded(x).abs().max() <= 1
    assert free(x).abs().max() > 1


def test_initial_weights_have_the_papers_spread():
    generator = resnet.Generator(latent_dim=128, **PAPER)
    resnet.initialise(generator, torch.Generator().manual_seed(0))
    he = generator.blocks[0].conv_1.weight  # 512 -> 512, 3x3
    glorot = generator.blocks[0].shortcut.weight
    assert he.abs().max().item() <= math.sqrt(12 / (2 * 512 * 9))
    assert he.std().item() == pytest.approx(math.sqrt(4 / (2 * 512 * 9)), rel=0.01)
    assert glorot.std().item() == pytest.approx(math.sqrt(2 / (2 * 512)), rel=0.01)
    assert generator.to_image.weight.std().item() == pytest.approx(math.sqrt(4 / (65 * 9)), rel=0.1)
    assert not generator.linear.bias.any()


def test_first_convolution_and_shortcuts_of_the_critic_start_as_glorot():
    critic = resnet.Critic(**PAPER)
    resnet.initialise(critic, torch.Generator().manual_seed(0))
    assert critic.body[0].weight.std().item() == pytest.approx(math.sqrt(2 / (65 * 9)), rel=0.1)
    assert critic.body[1].conv_1.weight.std().item() == pytest.approx(math.sqrt(4 / (128 * 9)), rel=0.02)


def test_initialisation_is_repeatable_and_covers_every_convolution():
    def start(first_seed: int) -> list[torch.Tensor]:
        torch.manual_seed(first_seed)  # torch's own start must leave no trace
        network = resnet.Encoder(32, 1, 8, 4, "tanh")
        resnet.initialise(network, torch.Generator().manual_seed(5))
        return list(network.parameters())

    assert all(torch.equal(a, b) for a, b in zip(start(1), start(2), strict=True))
