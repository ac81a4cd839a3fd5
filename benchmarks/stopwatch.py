"""Seconds and the machine: what the benchmarks of networks share beside ``bench.timing``."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch

from bench.timing.clock import wait


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, the device done with it."""
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def machine(device: torch.device) -> str:
    """Device, torch and threads, for the last line of a table."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    return f"{name}, torch {torch.__version__}, {torch.get_num_threads()} thread(s)"
