"""Several networks as one set of named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def weights_of(parts: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """``{"generator.linear.weight": …}``: parameters and buffers of every part, under its name."""
    return {f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()}


def load(parts: Mapping[str, nn.Module], weights: Mapping[str, Tensor], device: torch.device) -> None:
    """Fill the parts from ``weights_of``; they end on ``device``, frozen."""
    for part, net in parts.items():
        prefix = f"{part}."
        net.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
        freeze(net.to(device))


def freeze(network: Network) -> Network:
    """Evaluation mode, no parameter learns: batch statistics can neither leak between images nor drift."""
    network.eval()
    network.requires_grad_(False)
    return network
