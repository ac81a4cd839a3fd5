"""How much memory is still free: of a GPU, or of this machine within the limits set to this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CGROUPS = Path("/sys/fs/cgroup")


def free_memory(device: torch.device) -> int:
    """Bytes; of a CPU, the least of what the system has to give and what a cluster or container allows."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return min(_of_the_system(), *_of_groups(_membership()))


def _of_the_system() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(kilobytes) * 1024


def _of_groups(membership: str) -> list[int]:
    """What each control group of this process leaves of its limit (version 2, as Slurm and Docker set it).

    ``membership`` is what ``/proc/self/cgroup`` says, such as ``0::/slurm/job_7``.
    """
    own = [line.removeprefix("0::/") for line in membership.splitlines() if line.startswith("0::/")]
    groups = [folder for path in own for folder in (_CGROUPS / path, *(_CGROUPS / path).parents)]
    return [sys.maxsize, *(_left_of(group) for group in groups if group.is_relative_to(_CGROUPS))]


def _membership() -> str:
    try:
        return Path("/proc/self/cgroup").read_text()
    except OSError:
        return ""


def _left_of(group: Path) -> int:
    try:
        limit, used = (group / "memory.max").read_text().strip(), int((group / "memory.current").read_text())
    except OSError:
        return sys.maxsize
    return sys.maxsize if limit == "max" else max(0, int(limit) - used)
