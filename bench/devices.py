"""What a run computes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> torch.device:
    """``auto`` is the first GPU, or the CPU; raises ``ConfigError`` for a device that is not there."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["auto", "cpu", *(["cuda"] if gpus else []), *(f"cuda:{i}" for i in range(gpus))]
    if name.startswith("cuda") and name not in known:
        raise ConfigError(f"Device '{name}' is not there: torch sees {gpus} GPU(s). Known: {', '.join(known)}.")
    if name not in known:
        raise unknown_name("device", name, known, "")
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    return torch.device("cuda:0" if name == "cuda" else name)


def default_preset(device: torch.device) -> str:
    """``standard`` on a GPU, ``quick`` on a CPU."""
    return "standard" if device.type == "cuda" else "quick"
