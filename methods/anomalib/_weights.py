"""Weights of backbones: from a file, from anomalib's and timm's own caches, or a clear line on where to put them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bench.errors import BenchError, ConfigError, PluginError


@contextmanager
def backbones_from(file: str, from_cache: bool, needs: str) -> Iterator[None]:
    """Within: backbones take their weights from ``file``, or as anomalib has it, or none at all.

    ``from_cache`` is false where the weights follow anyway. Raises ``PluginError`` naming ``needs`` where weights can
    neither be found nor downloaded, ``ConfigError`` for a ``file`` that is not there or does not fit.
    """
    with _without_pretraining(_read(file) if file else None) if file or not from_cache else nullcontext():
        try:
            yield
        except BenchError:
            raise
        except Exception as error:
            if not needs or not _is_about_a_download(error):
                raise
            raise PluginError(
                f"Weights are missing and cannot be downloaded: {needs}. Put the file anywhere and give it with"
                " --set weights=PATH where the method has this parameter, or copy the caches of a machine that has"
                f" them: HF_HOME, TORCH_HOME, ~/.cache/anomalib. ({_first_line(error)})"
            ) from error


def _without_pretraining(state: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a context manager of mock's
    """timm makes backbones untrained and fills them with ``state``, if there is one."""
    import timm

    return patch.object(timm, "create_model", _filled(timm.create_model, state))


def _filled(create: Callable[..., Any], state: dict[str, Any] | None) -> Callable[..., Any]:
    def create_model(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - timm's signature
        model = create(*args, **{**kwargs, "pretrained": False})
        if state is not None:
            _fill(model, state)
        return model

    return create_model


def _fill(model: torch.nn.Module, state: dict[str, Any]) -> None:
    missing = [name for name in model.state_dict() if name not in state and not name.endswith("num_batches_tracked")]
    if missing:
        raise ConfigError(
            f"--set weights: expected the weights of a {type(model).__name__}, found none for {len(missing)} of its"
            f" tensors, such as {missing[0]}. Give the state dict of the backbone that the method names."
        )
    model.load_state_dict(state, strict=False)


def _read(file: str) -> dict[str, Any]:
    path = Path(file).expanduser()
    if not path.is_file():
        raise ConfigError(f"--set weights={file}: expected a file of weights (.safetensors or .pth), found none.")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return dict(torch.load(path, map_location="cpu", weights_only=True))


def _is_about_a_download(error: BaseException | None) -> bool:
    """Whether the error, or what it came of, is the network's or a hub's."""
    while error is not None:
        names = {cls.__name__ for cls in type(error).__mro__}
        if isinstance(error, OSError | ConnectionError) or names & _HUB_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return False


_HUB_ERRORS = {"HfHubHTTPError", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "HTTPError", "ConnectError"}


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
