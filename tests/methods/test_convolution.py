"""Convolutions that are differentiated through each other against torch's own, to second derivatives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from bench.plugins.methods.networks import convolution
from bench.plugins.methods.networks.convolution import by_images_only, differentiable
from bench.plugins.methods.networks.norms import RectifiedLayerNorm
from bench.plugins.methods.networks.resnet import initialise
from bench.plugins.methods.training.wgan_gp import GanParams, build, gradient_penalty
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.contracts import ImageShape
from bench.precision import computing_in

SHAPES = [  # side of the kernel, stride, padding
    (3, 1, 1), (1, 1, 0), (4, 2, 1),
]  # fmt: skip


def drawn(side, dtype=torch.float64, size=6, channels=(2, 3)):
    random = torch.Generator().manual_seed(side)
    shapes = (2, channels[0], size, size), (channels[1], channels[0], side, side), (channels[1],)
    x, *parameters = [torch.randn(shape, generator=random, dtype=dtype) for shape in shapes]
    return [each.requires_grad_() for each in (x.contiguous(memory_format=torch.channels_last), *parameters)]


@pytest.mark.parametrize(("side", "stride", "padding"), SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_first_and_second_derivatives_are_those_of_finite_differences(side, stride, padding, bias):
    inputs = drawn(side)[: 3 if bias else 2]

    def convolved(x, weight, bias=None):
        return differentiable(x, weight, bias, stride, padding)

    assert torch.equal(convolved(*inputs), F.conv2d(*inputs, stride=stride, padding=padding))
    assert gradcheck(convolved, inputs)
    assert gradgradcheck(convolved, inputs)


def penalty_gradients(convolved, inputs):
    """Of the norm of the gradient by the image, as the critic's penalty has it."""
    x, *parameters = inputs
    (gradient,) = torch.autograd.grad(convolved(x, *parameters).square().sum(), x, create_graph=True)
    loss = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    return torch.autograd.grad(loss, inputs, allow_unused=True)


@pytest.mark.parametrize(("side", "stride", "padding"), SHAPES)
def test_a_penalty_has_the_gradients_that_torch_gives_it(side, stride, padding):
    inputs = drawn(side, size=16)
    ours = penalty_gradients(lambda *given: differentiable(*given, stride, padding), inputs)
    theirs = penalty_gradients(lambda *given: F.conv2d(*given, stride=stride, padding=padding), inputs)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=1e-10, atol=1e-10)


def test_bf16_convolves_in_it_and_gives_gradients_in_single_precision():
    inputs = drawn(3, torch.float32, size=16, channels=(8, 8))
    with computing_in("bf16", torch.device("cpu")):
        out = differentiable(*inputs, 1, 1)
        assert torch.equal(out, F.conv2d(*inputs, padding=1))
        ours = penalty_gradients(lambda *given: differentiable(*given, 1, 1), inputs)
    exact = penalty_gradients(lambda *given: F.conv2d(*given, padding=1), inputs)
    assert out.dtype == torch.bfloat16
    for mine, other in zip(ours, exact, strict=True):
        assert mine.dtype == torch.float32
        assert (mine - other).norm() < 0.03 * other.norm()


def test_a_single_channel_is_convolved_into_channels_side_by_side():
    x, weight, bias = drawn(3, channels=(1, 4), size=8)
    ours, theirs = differentiable(x, weight, bias, 1, 1), F.conv2d(x, weight, bias, padding=1)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert gradgradcheck(lambda *given: differentiable(*given, 1, 1), [x, weight, bias])


def test_where_only_gradients_by_images_are_asked_for_no_others_are_computed():
    inputs = drawn(3, size=16)

    def convolved(x, *parameters):
        return differentiable(x, *parameters, 1, 1)

    (full,) = torch.autograd.grad(convolved(*inputs).square().sum(), inputs[0])
    with by_images_only():
        (x, weight) = torch.autograd.grad(convolved(*inputs).square().sum(), inputs[:2], allow_unused=True)
    assert torch.equal(x, full)
    assert weight is None
    (_, weight) = torch.autograd.grad(convolved(*inputs).square().sum(), inputs[:2])
    assert weight.abs().sum() > 0  # the switch is back


GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")


@GPU
def test_a_critic_on_a_gpu_has_the_gradients_of_one_on_a_cpu_in_double_precision():
    assert error_of("float32") < 1e-4


@GPU
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_in_fewer_digits_a_critic_is_as_near_to_double_precision_as_with_torchs_own_gradients(monkeypatch, precision):
    ours = error_of(precision)
    monkeypatch.setattr(convolution, "differentiable", F.conv2d)
    monkeypatch.setattr(RectifiedLayerNorm, "forward", lambda norm, x: F.relu(nn.GroupNorm.forward(norm, x)))
    torchs = error_of(precision)
    print(f"{precision}: gradients off by {ours:.2%}, with torch's own by {torchs:.2%}")
    assert 0 < ours < 1.5 * torchs


def error_of(precision):
    """Distance of a critic's gradients on a GPU from those in double precision, all of them together."""
    _, critic = build(ImageShape(1, 32), GanParams(width=16, latent_dim=4))
    initialise(critic, torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(1)
    images = [torch.rand(4, 1, 32, 32, generator=random), torch.rand(4, 1, 32, 32, generator=random)]
    alpha = torch.rand(4, 1, 1, 1, generator=random)
    exact = gradients(critic.double(), [each.double() for each in (*images, alpha)])
    gpu = torch.device("cuda")
    with computing_in(precision, gpu):
        found = gradients(critic.float().to(gpu), [each.to(gpu) for each in (*images, alpha)])
    return float(torch.stack([(found[name].cpu() - exact[name]).norm() for name in exact]).norm() / size(exact))


def size(gradients):
    return torch.stack([each.norm() for each in gradients.values()]).norm()


def gradients(critic, inputs):
    """Of a loss with the penalty, by the critic's parameters."""
    critic.zero_grad()
    (critic(inputs[0]).square().mean() + 10 * gradient_penalty(critic, *inputs)).backward()
    return {name: parameter.grad.clone() for name, parameter in critic.named_parameters()}
