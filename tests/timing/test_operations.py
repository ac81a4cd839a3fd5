"""Operations against closed forms and torch's own counter."""

from __future__ import annotations

import pytest
import torch
from bench.plugins.methods.networks import resnet
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.timing.operations import matrix_rate, operations_of


def test_a_product_of_matrices_is_two_operations_for_each_pair():
    a, b = torch.rand(3, 5), torch.rand(5, 7)
    assert operations_of(lambda: a @ b) == 2 * 3 * 5 * 7


@pytest.mark.parametrize("inference", [True, False])
def test_a_convolution_in_any_mode(inference):
    layer, x = nn.Conv2d(2, 4, 3, padding=1), torch.rand(5, 2, 8, 8)

    def work():
        with torch.inference_mode(inference):
            layer(x)

    assert operations_of(work) == 2 * 5 * 4 * 8 * 8 * 2 * 9


def test_a_whole_network_forward_and_backward_is_as_torch_counts_it():
    critic, x = resnet.Critic(32, 1, 4), torch.rand(2, 1, 32, 32)
    with FlopCounterMode(display=False) as counter:
        critic(x).sum().backward()
    assert operations_of(lambda: critic(x).sum().backward()) == counter.get_total_flops() > 0


def test_gradients_of_gradients_are_followed():
    weight, x = torch.rand(4, 4, requires_grad=True), torch.rand(2, 4, requires_grad=True)

    def work():
        (gradient,) = torch.autograd.grad((x @ weight).square().sum(), x, create_graph=True)
        gradient.square().sum().backward()

    once = 2 * 2 * 4 * 4
    assert operations_of(work) % once == 0
    assert operations_of(work) >= 5 * once  # forward, its gradient, and that one's by x and by the weight


def test_the_rate_of_a_product_is_positive_and_finite():
    assert 0 < matrix_rate(torch.device("cpu")) < float("inf")
