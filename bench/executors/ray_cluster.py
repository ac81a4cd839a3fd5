"""A Ray cluster as the executor sees it: reached, its nodes, and how many runs they have room for."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import ConfigError
from bench.executors.ray_options import RayOptions

_PATIENCE = 10.0  # seconds for the head node to answer
_OF_A_TYPE = 0.001  # share of its node's accelerator type that a task takes, by Ray's own convention
_ACCELERATOR = "accelerator_type:"
_START = "Start one with 'ray start --head' on this machine, join others with 'ray start --address=HOST:PORT'"


@dataclass(frozen=True)
class Node:
    """One machine that is there now, and all that it has, taken or free."""

    name: str
    resources: Mapping[str, float]

    def room_for(self, needed: Mapping[str, float]) -> int:
        """Runs that it could take if it had nothing else to do."""
        return min(int(self.resources.get(name, 0) / amount + 1e-9) for name, amount in needed.items())

    def __str__(self) -> str:
        gpus = f", {self.resources['GPU']:g} GPU" if "GPU" in self.resources else ""
        types = "".join(f" ({name})" for name in self.accelerators)
        return (
            f"{self.name}: {self.resources.get('CPU', 0):g} CPU{gpus}{types}, {_size(self.resources.get('memory', 0))}"
        )

    @property
    def accelerators(self) -> list[str]:
        return [name.removeprefix(_ACCELERATOR) for name in self.resources if name.startswith(_ACCELERATOR)]


def connect(address: str | None) -> None:
    """Join the cluster from this process. Raises ``ConfigError`` without Ray, or where no cluster answers."""
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "--executor ray needs the package ray, which is not installed: pip install 'fanogan-bench[ray]',"
            " or take --executor local."
        ) from None
    wanted = _checked(address or os.environ.get("RAY_ADDRESS") or "auto")
    try:
        ray.init(wanted, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"Found no Ray cluster at --address {wanted}, or this machine is no node of it: {error} {_START}."
        ) from error


def _checked(address: str) -> str:
    """Ray itself waits long for a head that is not there, and ends the process in the end."""
    if address == "auto":
        return address
    found = re.fullmatch(r"([^/\s]+):(\d+)", address)
    if not found:
        raise ConfigError(
            f"Expected --address HOST:PORT or auto, found '{address}'. The command runs on a node of the cluster,"
            " not through Ray's client."
        )
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=_PATIENCE).close()
    except OSError as error:
        raise ConfigError(f"Found no Ray cluster at --address {address} ({error}). {_START}.") from error
    return address


def nodes() -> list[Node]:
    """All that live."""
    import ray

    return [Node(str(each["NodeName"]), each["Resources"]) for each in ray.nodes() if each["Alive"]]


def needed(options: RayOptions) -> dict[str, float]:
    """What one run takes of a node."""
    wanted = {"CPU": options.cpus, "GPU": options.gpu_count, "memory": options.bytes_of_memory or 0}
    accelerator = {_ACCELERATOR + name: _OF_A_TYPE for name in [_accelerator(options)] if name}
    return {name: float(amount) for name, amount in wanted.items() if amount} | accelerator


def remote(function: Callable[..., object]) -> Any:  # noqa: ANN401 - Ray's remote function
    """A function of a module as Ray calls it elsewhere: by its name."""
    import ray

    return ray.remote(function)


def task_options(options: RayOptions) -> dict[str, Any]:
    """What one run takes of a node as Ray's remote functions are told it; Ray itself never repeats one."""
    wanted: dict[str, Any] = {"num_cpus": options.cpus, "num_gpus": options.gpu_count, "max_retries": 0}
    if options.bytes_of_memory:
        wanted["memory"] = options.bytes_of_memory
    if accelerator := _accelerator(options):
        wanted["accelerator_type"] = accelerator
    return wanted


def require_room(options: RayOptions) -> None:
    """Raise ``ConfigError`` where no node could ever take a run."""
    found, wanted = nodes(), needed(options)
    if any(node.room_for(wanted) for node in found):
        return
    listed = "\n  ".join(map(str, found))
    raise ConfigError(
        f"No node of the Ray cluster has what a run asks for, {_in_words(wanted)}:\n  {listed}\n"
        "Ask for less (--cpus, --gpus, --memory), or start a node that has it: ray start --address=HOST:PORT"
    )


def _accelerator(options: RayOptions) -> str | None:
    """Ray's spelling of ``a100``: as a node states it, or as it was given."""
    asked = options.gpu_type
    known = [name for node in nodes() for name in node.accelerators] if asked else []
    return next((name for name in known if name.lower() == str(asked).lower()), asked)


def _in_words(wanted: Mapping[str, float]) -> str:
    sizes = {name: _size(amount) if name == "memory" else f"{amount:g} {name}" for name, amount in wanted.items()}
    return ", ".join(name.removeprefix(_ACCELERATOR) if _ACCELERATOR in name else size for name, size in sizes.items())


def _size(amount: float) -> str:
    return f"{amount / 2**30:.1f} GiB of memory"
