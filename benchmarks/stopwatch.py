"""Seconds, operations and the rate of a matrix product: what the benchmarks of networks measure with."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device done with it."""
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_rate(device: torch.device, size: int = 2048, repeats: int = 5) -> float:
    """Floating point operations per second in the best of a few products of square matrices."""
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    return 2 * size**3 / min(seconds(lambda: a @ b, device) for _ in range(repeats))


class Operations(TorchDispatchMode):
    """Counts as torch's own counter does; that one cannot follow gradients of gradients."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        out = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def machine(device: torch.device) -> str:
    """Device, torch and threads, for the last line of a table."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    return f"{name}, torch {torch.__version__}, {torch.get_num_threads()} thread(s)"
