"""Networks' weights on disk: safetensors, whole or not at all; no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import StoreError
from bench.writing import replace_file

if TYPE_CHECKING:
    from torch import Tensor


def save_weights(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Tensors as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    with replace_file(file) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, temporary)


def load_weights(file: Path, remedy: str) -> dict[str, Tensor]:
    """The opposite of ``save_weights``; raises ``StoreError`` with the remedy where the file is damaged or missing."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{file} is damaged ({error}). {remedy}") from error
