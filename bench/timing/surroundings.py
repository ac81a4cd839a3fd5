"""What goes on around a measurement: others at work, clocks, temperature, flags. NVML (``pip install nvidia-ml-py``) is
asked where it is there; without it a GPU's state is not known, and the record says so."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from bench.provenance import threads, usable_cores

CONTENDED = 0.05
"""Share of all cores that others may take before a figure is marked, though cores were left over."""
_JITTER = 0.1
"""Cores that a system at rest keeps busy."""


@dataclass
class Watched:
    """Filled when the block ends."""

    others: float | None = None
    """Share of all cores that other processes kept busy; ``None`` where the system does not tell."""
    gpu_processes: int | None = None
    """Other processes that compute on the GPU; ``None`` without a GPU or without NVML."""
    gpu_before: dict[str, Any] = field(default_factory=dict)
    gpu_after: dict[str, Any] = field(default_factory=dict)

    @property
    def is_contended(self) -> bool:
        return crowded(self.others or 0.0, os.cpu_count() or 1, threads()) or bool(self.gpu_processes)


@contextmanager
def watching(device: torch.device) -> Iterator[Watched]:
    """Look at the machine before and after the block."""
    watched = Watched(gpu_before=gpu_state(device))
    busy, own, start = _busy_seconds(), _own_seconds(), time.perf_counter()
    yield watched
    wall, busy_after = time.perf_counter() - start, _busy_seconds()
    if busy is not None and busy_after is not None:
        others = busy_after - busy - (_own_seconds() - own)
        watched.others = max(0.0, others / wall / (os.cpu_count() or 1))
    watched.gpu_processes = other_gpu_processes(device)
    watched.gpu_after = gpu_state(device)


def crowded(others: float, cores: int, own: int) -> bool:
    """Whether others, who kept this share of all ``cores`` busy, slowed ``own`` threads down or may have."""
    busy = others * cores
    return busy > _JITTER and (others > CONTENDED or busy + own > cores + _JITTER)


def flags(device: torch.device) -> dict[str, Any]:
    """What changes speed and is set in torch."""
    on_gpu = {
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "tf32_in_products": torch.backends.cuda.matmul.allow_tf32,
        "tf32_in_convolutions": torch.backends.cudnn.allow_tf32,
    }
    autocast = torch.is_autocast_enabled(device.type)
    return {
        "threads": threads(),
        "cores": usable_cores(),
        "autocast": str(torch.get_autocast_dtype(device.type)) if autocast else None,
        **(on_gpu if device.type == "cuda" else {}),
    }


def gpu_state(device: torch.device) -> dict[str, Any]:
    """Clocks in MHz, temperature in degrees Celsius, power in watts and reasons to throttle; empty without NVML."""
    nvml, handle = _nvml(device)
    if nvml is None:
        return {}
    return {
        "clock_mhz": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
        "memory_clock_mhz": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
        "temperature_c": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
        "power_w": nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        "throttle_reasons": nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
        "driver": str(nvml.nvmlSystemGetDriverVersion()),
    }


def joules(device: torch.device) -> float | None:
    """Energy that the GPU has used so far; ``None`` where NVML is missing or does not count it."""
    nvml, handle = _nvml(device)
    if nvml is None:
        return None
    try:
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except nvml.NVMLError:
        return None


def other_gpu_processes(device: torch.device) -> int | None:
    """How many processes beside this one compute on the GPU."""
    nvml, handle = _nvml(device)
    if nvml is None:
        return None
    others = [p.pid for p in nvml.nvmlDeviceGetComputeRunningProcesses(handle) if p.pid != os.getpid()]
    return len(others)


def _nvml(device: torch.device) -> tuple[ModuleType | None, Any]:
    if device.type != "cuda":
        return None, None
    try:
        import pynvml  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None, None
    pynvml.nvmlInit()
    uuid = torch.cuda.get_device_properties(device).uuid
    return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())


def _busy_seconds() -> float | None:
    """Seconds that all cores together were busy since the system started."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq = (int(text) for text in first[1:8])
    return (user + nice + system + irq + softirq) / float(os.sysconf("SC_CLK_TCK"))


def _own_seconds() -> float:
    mine = os.times()
    return mine.user + mine.system + mine.children_user + mine.children_system
