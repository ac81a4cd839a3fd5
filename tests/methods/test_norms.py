"""Layer norm and ReLU in few passes against torch's own, to second derivatives; Triton's kernels against plain ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from bench.plugins.methods.networks import norms_plain as plain
from bench.plugins.methods.networks.norms import RectifiedBatchNorm, RectifiedLayerNorm, rectified_layer_norm
from torch import nn
from torch.autograd import gradcheck

import bench.plugins  # noqa: F401 - makes the methods importable

EPS = 1e-5
SHAPES = [(3, 4, 4, 4), (2, 5, 8, 8), (1, 12, 8, 8), (2, 3, 6, 2)]
KERNELS = Path(__file__).with_name("kernels_against_plain.py")


def drawn(shape, dtype=torch.float64, offset=0.3):
    random = torch.Generator().manual_seed(sum(shape))
    x = torch.randn(shape, generator=random, dtype=dtype) + offset
    weight, bias = (torch.randn(shape[1], generator=random, dtype=dtype) for _ in range(2))
    return [each.requires_grad_() for each in (x, weight, bias)]


def textbook(x, weight, bias):
    return F.relu(F.group_norm(x, 1, weight, bias, EPS))


def ours(x, weight, bias):
    return rectified_layer_norm(x, weight, bias, EPS)


def penalty_gradients(norm, inputs):
    """Of the norm of the gradient by the image, as the critic's penalty has it, and of the images themselves."""
    x, *parameters = inputs
    y = norm(x, *parameters)
    (gradient,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    loss = (gradient.flatten(1).norm(dim=1) - 1).square().mean() + y.mean()
    return torch.autograd.grad(loss, inputs)


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_are_torchs_and_first_derivatives_those_of_finite_differences(shape):
    inputs = drawn(shape)
    assert torch.allclose(ours(*inputs), textbook(*inputs), rtol=1e-12, atol=1e-12)
    assert gradcheck(ours, inputs)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_a_penalty_has_the_gradients_that_torch_gives_it(shape, offset):
    inputs = drawn(shape, offset=offset)
    for mine, other in zip(penalty_gradients(ours, inputs), penalty_gradients(textbook, inputs), strict=True):
        assert (mine - other).norm() < 1e-10 * other.norm()


def test_second_derivatives_by_images_are_those_of_finite_differences():
    x, weight, bias = drawn((2, 3, 4, 4))

    def gradient(x, weight):
        return torch.autograd.grad(ours(x, weight, bias).pow(3).sum(), x, create_graph=True)

    assert gradcheck(gradient, [x, weight], check_undefined_grad=False)


def test_what_is_not_derived_is_refused_and_not_wrong():
    x, weight, bias = drawn((2, 3, 4, 4))
    (gradient,) = torch.autograd.grad(ours(x, weight, bias).pow(3).sum(), weight, create_graph=True)
    with pytest.raises(NotImplementedError, match="scale and offset"):
        gradient.sum().backward()


def test_channels_stay_side_by_side():
    out = ours(*drawn((2, 5, 8, 8)))
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_bf16_comes_and_goes_and_is_computed_in_single_precision():
    x, weight, bias = drawn((2, 8, 16, 16), torch.float32)
    half = x.detach().bfloat16().requires_grad_()
    found = penalty_gradients(lambda *given: ours(*given).float(), [half, weight, bias])
    exact = penalty_gradients(textbook, [half.detach().float().requires_grad_(), weight, bias])
    assert ours(half, weight, bias).dtype == torch.bfloat16
    for mine, other in zip(found, exact, strict=True):
        assert (mine.float() - other).norm() < 0.02 * other.norm()


def test_the_module_takes_torchs_way_on_a_processor():
    norm, x = RectifiedLayerNorm(4), torch.randn(2, 4, 8, 8)
    assert torch.equal(norm(x), textbook(x, norm.weight, norm.bias))


def test_kernels_give_what_plain_passes_give():
    """On a GPU, or in Triton's interpreter in a process of its own, for it is chosen when Triton is imported."""
    pytest.importorskip("triton", reason="needs Triton, which comes with torch for NVIDIA GPUs: pip install triton")
    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, str(KERNELS)], env={**os.environ, **interpreted}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "50 passes agree" in done.stdout


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_a_gpu_gives_the_gradients_of_double_precision(dtype, error):
    inputs = drawn((8, 64, 32, 32), dtype)
    exact = penalty_gradients(textbook, [each.detach().double().requires_grad_() for each in inputs])
    on_gpu = [each.detach().cuda().requires_grad_() for each in inputs]
    for mine, other in zip(penalty_gradients(lambda *x: ours(*x).float(), on_gpu), exact, strict=True):
        assert (mine.cpu().double() - other).norm() < error * other.norm()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-5), (torch.bfloat16, 0.01)])
def test_batch_norm_by_kept_statistics_is_torchs_on_a_gpu(dtype, error):
    norm, x = RectifiedBatchNorm(24).cuda(), torch.randn(4, 24, 16, 16, device="cuda")
    norm(x * 3 + 1)  # something to keep
    norm.eval()
    with torch.inference_mode():
        ours, torchs = norm(x.to(dtype)), F.relu(nn.BatchNorm2d.forward(norm, x))
    assert ours.dtype == dtype
    assert (ours.float() - torchs).norm() < error * torchs.norm()
    (gradient,) = torch.autograd.grad(norm(x.requires_grad_()).sum(), x)
    assert gradient.abs().sum() > 0


def test_plain_passes_are_means_over_images():
    x, *_ = drawn((3, 4, 4, 4))
    pixels = x.detach().permute(0, 2, 3, 1).flatten(1, 2)
    mean, inverse = plain.statistics(pixels, EPS)
    assert torch.allclose(mean, x.mean((1, 2, 3)))
    assert torch.allclose(inverse, (x.var((1, 2, 3), correction=0) + EPS).rsqrt())
