"""Optimisers compute as they were made for their device, whatever a checkpoint says of the device it comes from."""

from __future__ import annotations

import pytest
import torch
from bench.plugins.methods.training.optimisers import adam, rmsprop_as_in_tensorflow
from torch import nn

import bench.plugins  # noqa: F401 - makes the methods importable

MAKERS = {
    "adam": lambda parameters: adam(parameters, 0.1, (0.0, 0.9)),
    "rmsprop": lambda parameters: rmsprop_as_in_tensorflow(parameters, 0.1),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_checkpoint_of_a_gpu_is_gone_on_with_by_a_cpus_kernels(name):
    moved = []
    for is_resumed in (False, True):
        weight = nn.Parameter(torch.ones(3))
        optimiser = MAKERS[name]([weight])
        for step in range(4):
            if is_resumed and step == 2:
                state = optimiser.state_dict()
                state["param_groups"] = [{**group, "capturable": True} for group in state["param_groups"]]
                optimiser = MAKERS[name]([weight])
                optimiser.load_state_dict(state)
                assert optimiser.param_groups[0]["capturable"] is False
            weight.grad = weight.detach() * (step + 1)
            optimiser.step()
        moved.append(weight.detach().clone())
    assert torch.equal(*moved)
