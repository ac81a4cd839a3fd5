"""Optimisers as the papers' official code had them, with the kernels that suit the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import nn

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)


def adam(parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam, on a GPU in one kernel and ready for CUDA graphs.

    Not so on a CPU: there that kernel rounds by where tensors lie in memory, and a resumed run would end elsewhere.
    """
    parameters = list(parameters)
    on_gpu = _on_gpu(parameters)
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, betas=betas, capturable=on_gpu, fused=on_gpu or None)
    return _computing_as_made(optimiser)


def rmsprop_as_in_tensorflow(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.RMSprop:
    """RMSProp with TensorFlow 1's decay of 0.9 and its running mean square that starts at one, not at zero.

    Started at zero, the first steps would be about three times larger.
    """
    parameters = list(parameters)
    on_gpu = _on_gpu(parameters)
    optimiser = torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.9, eps=1e-8, capturable=on_gpu)
    for parameter in parameters:
        step = torch.zeros((), device=parameter.device if on_gpu else None)
        optimiser.state[parameter] = {"step": step, "square_avg": torch.ones_like(parameter)}
    return _computing_as_made(optimiser)


def _computing_as_made(optimiser: Kind) -> Kind:
    """With the kernels chosen for this device, whichever device a checkpoint comes from."""
    chosen = {name: optimiser.defaults[name] for name in ("capturable", "fused") if name in optimiser.defaults}

    def adapted(_: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "param_groups": [{**group, **chosen} for group in state["param_groups"]]}

    optimiser.register_load_state_dict_pre_hook(adapted)
    return optimiser


def _on_gpu(parameters: list[nn.Parameter]) -> bool:
    return all(parameter.device.type == "cuda" for parameter in parameters)
