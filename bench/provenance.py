"""Where a result comes from: code, packages, hardware, command."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

_PACKAGES = (
    "fanogan-bench", "torch", "torchvision", "anomalib", "numpy", "scipy", "scikit-learn", "scikit-image", "pandas",
    "pyarrow", "pillow", "safetensors",
)  # fmt: skip


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance(device: str) -> dict[str, Any]:
    """Commit and dirty flag, package versions, hardware, threads, and the command to repeat the run."""
    return {
        "git": git_state(),
        "packages": versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": hardware(),
        "device": device,
        "threads": threads(),
        "command": _command(),
    }


def _command() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join([*(["python", "-m", "bench"] if program == "__main__.py" else [program]), *sys.argv[1:]])


def versions() -> dict[str, str | None]:
    """Version of each package that can shape a result; ``None`` where it is not installed."""
    return {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def git_state() -> dict[str, Any] | None:
    """Commit of the checkout this code runs from, and whether tracked files were changed; ``None`` outside one."""
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "HEAD")
    status = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(status)} if commit else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hardware() -> dict[str, Any]:
    """Processor, cores this process may use, memory, and the GPUs torch sees."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"cpu": _cpu_model(), "cores": usable_cores(), "memory_gib": _memory_gib(), "gpus": gpus}


def usable_cores() -> int:
    """Cores this process may run on, which a scheduler can make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Threads torch computes with."""
    import torch

    return torch.get_num_threads()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
