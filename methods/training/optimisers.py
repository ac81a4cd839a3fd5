"""Optimisers as the official code of a paper had them, where torch's defaults differ."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def rmsprop_as_in_tensorflow(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.RMSprop:
    """RMSProp with TensorFlow 1's decay of 0.9 and its running mean square that starts at one, not at zero.

    Started at zero, the first steps would be about three times larger.
    """
    optimiser = torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.9, eps=1e-8)
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            optimiser.state[parameter] = {"step": torch.zeros(()), "square_avg": torch.ones_like(parameter)}
    return optimiser
