"""A step of training or searching as one CUDA graph: the same kernels in the same order, launched at once.

A small network's step is hundreds of kernels, each launched from Python in more time than it computes. A graph records
them once and launches all of them together. Elsewhere than on an NVIDIA GPU a step stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Step = Callable[..., "Mapping[str, Tensor]"]
"""Takes tensors, changes weights and states of optimisers in place, returns what is logged."""

_WARM_UP = 3  # calls as they are: libraries choose kernels, optimisers make their states
_is_plain: ContextVar[bool] = ContextVar("is_plain", default=False)


def captured(step: Step, device: torch.device) -> Step:
    """``step`` to be called again and again; for tensors of the same shapes a graph from the fourth call on, on a GPU.

    A step may depend on its arguments and on what it changes itself, nothing else: no random numbers, no numbers read
    back, no branch that another call would take otherwise. What it returns holds until the next call.
    """
    return _OfEachShape(step, device) if device.type == "cuda" else step


@contextmanager
def plain_steps() -> Iterator[None]:
    """Within the block every step is called as it is, for those who look at what it does."""
    token = _is_plain.set(True)
    try:
        yield
    finally:
        _is_plain.reset(token)


class _OfEachShape:
    """A graph for each combination of shapes, and of the precision that is computed in."""

    def __init__(self, step: Step, device: torch.device) -> None:
        self._step, self._device = step, device
        self._graphs: dict[tuple[object, ...], _Captured] = {}

    def __call__(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        import torch

        precision = torch.is_autocast_enabled(self._device.type), torch.backends.cuda.matmul.allow_tf32
        key = (*precision, *(each.shape for each in inputs))
        if key not in self._graphs:
            self._graphs[key] = _Captured(self._step, self._device)
        return self._graphs[key](*inputs)


class _Captured:
    def __init__(self, step: Step, device: torch.device) -> None:
        self._step, self._device, self._calls = step, device, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._outputs: Mapping[str, Tensor] = {}

    def __call__(self, *inputs: Tensor) -> Mapping[str, Tensor]:
        if _is_plain.get():
            return self._step(*inputs)
        if self._calls < _WARM_UP:
            self._calls += 1
            return self._beside(inputs)
        if self._graph is None:
            self._graph = self._record(inputs)
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given)
        self._graph.replay()
        return self._outputs

    def _beside(self, inputs: tuple[Tensor, ...]) -> Mapping[str, Tensor]:
        """A real step, on a stream of its own: what is made there can be recorded on another later."""
        import torch

        here, beside = torch.cuda.current_stream(self._device), torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            out = self._step(*inputs)
        here.wait_stream(beside)
        return out

    def _record(self, inputs: tuple[Tensor, ...]) -> torch.cuda.CUDAGraph:
        import torch

        self._inputs = tuple(each.clone() for each in inputs)
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            self._outputs = self._step(*self._inputs)
        return graph
