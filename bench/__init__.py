"""One referee for unsupervised image anomaly detectors: ``from bench import run``."""

from __future__ import annotations

from typing import Any

__all__ = ["run"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute
    # Imported on first use: `bench --help` must not wait for torch.
    if name == "run":
        from bench.api import run

        return run
    raise AttributeError(f"module 'bench' has no attribute '{name}'")
