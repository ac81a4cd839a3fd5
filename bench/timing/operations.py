"""Floating point operations, by torch's own formulas, and the rate that this machine reaches in a matrix product."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from bench.cuda_graphs import plain_steps
from bench.timing.clock import Bounds, Work, measure

_BRIEFLY = Bounds(warm_up_calls=2, warm_up_seconds=0.1, calls=5, seconds=0.3, most_seconds=2.0)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts within its block as ``FlopCounterMode`` does, which cannot follow gradients of gradients.

    Products and convolutions count, a multiplication and an addition as two; everything else is free.
    """

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        if func._overloadpacket not in flop_registry:
            with self:  # in inference mode some come whole that are made of others
                parts = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if parts is NotImplemented else parts
        out = func(*args, **kwargs)
        self.total += flop_registry[func._overloadpacket](*args, **kwargs, out_val=out)
        return out


def operations_of(work: Work) -> float:
    """Of one call; steps that would be replayed from a graph are done one operation after the other."""
    with plain_steps(), Operations() as counted:  # type: ignore[no-untyped-call]
        work()
    return float(counted.total)


def matrix_rate(device: torch.device) -> float:
    """Operations per second in a product of square float32 matrices, as precision is set around it."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.rand(size, size, device=device) for _ in range(2))
    return 2 * size**3 / measure(lambda: a @ b, device, _BRIEFLY).quantile(0.5)
