"""The places of this machine where a run can be: its GPUs, or a share of its cores each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from bench.devices import resolve_device
from bench.provenance import usable_cores

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Slot:
    """One run at a time is here."""

    name: str
    device: str
    environment: dict[str, str] = field(default_factory=dict)
    """Set before the process starts: libraries read it when they are loaded."""


def slots(device: str, workers: int | None) -> list[Slot]:
    """One for each GPU that ``device`` allows, or ``workers`` of them; on a CPU one, or ``workers``.

    Raises ``ConfigError`` for a device that is not there.
    """
    resolved = resolve_device(device)
    if resolved.type == "cuda":
        gpus = visible_gpus() if device in ("auto", "cuda") else visible_gpus()[resolved.index or 0 :][:1]
        return gpu_slots(gpus, workers or len(gpus))
    return cpu_slots(workers or 1)


def cpu_slots(n: int) -> list[Slot]:
    return [Slot(f"cpu {i}", "cpu", _threads(n)) for i in range(n)]


def gpu_slots(gpus: list[str], n: int) -> list[Slot]:
    """Each sees one GPU, which is number 0 to it; with more slots than GPUs, some share one."""
    chosen = [gpus[i % len(gpus)] for i in range(n)]
    return [Slot(f"gpu {gpu}", "cuda", {"CUDA_VISIBLE_DEVICES": gpu, **_threads(n)}) for gpu in chosen]


def visible_gpus() -> list[str]:
    """GPUs by the names that ``CUDA_VISIBLE_DEVICES`` gives them, as far as torch sees them."""
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return (named or [str(i) for i in range(count)])[:count]


def _threads(n: int) -> dict[str, str]:
    """Cores divided among the slots; a run that is alone keeps the libraries' own choice."""
    return threads(max(1, usable_cores() // n)) if n > 1 else {}


def threads(most: int) -> dict[str, str]:
    """The environment of a process that computes with so many threads, or with fewer if the user asked for fewer."""
    return {name: str(min(most, _asked_for(name, most))) for name in _THREADS}


def _asked_for(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and int(text) else otherwise
