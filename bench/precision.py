"""In which numbers networks compute: float32 is the reference; tf32 and bf16 are faster where hardware has them.

Weights, optimisers and what methods hand over stay float32 throughout; bf16 is torch's autocast around whole runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    import torch

FLOAT32 = "float32"
TF32 = "tf32"
BF16 = "bf16"
PRECISIONS = (FLOAT32, TF32, BF16)


def require_precision(name: str, device_type: str) -> str:
    """``name``, if it is one and the device has it; raises ``ConfigError``."""
    if name not in PRECISIONS:
        raise unknown_name("precision", name, PRECISIONS, "See: bench run --help.")
    if name == TF32 and device_type != "cuda":
        raise ConfigError(f"Precision tf32 needs an NVIDIA GPU, found device '{device_type}'. Try --precision float32.")
    return name


@contextmanager
def computing_in(precision: str, device: torch.device) -> Iterator[None]:
    """All that networks compute within the block. ``float32`` switches TF32 off, which torch allows in convolutions.

    Convolutions are the same ones every time: a second run gives the same numbers.

    Casts of weights are not cached: an optimiser changes weights in place, and a cache would keep the old ones.
    """
    import torch

    in_products = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32 = precision == TF32
    try:
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32),
            torch.autocast(device.type, torch.bfloat16, enabled=precision == BF16, cache_enabled=False),
        ):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = in_products
