"""Weights of backbones: from a file, from anomalib's and timm's own caches, or a clear line on where to put them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from bench.errors import BenchError, ConfigError, PluginError

_HUB = "huggingface.co"


@contextmanager
def backbones_from(file: str, from_cache: bool, needs: str) -> Iterator[None]:
    """Within: backbones take their weights from ``file``, or as anomalib has it, or none at all.

    ``from_cache`` is false where the weights follow anyway. Raises ``PluginError`` naming ``needs`` where weights can
    neither be found nor downloaded, ``ConfigError`` for a ``file`` that is not there or does not fit.
    """
    own = _without_pretraining(_read(file) if file else None) if file or not from_cache else nullcontext()
    with own, _asking_once():
        try:
            yield
        except BenchError:
            raise
        except ImportError as error:
            raise PluginError(f"anomalib's model needs a package that is not installed: {error}") from error
        except Exception as error:
            if not needs or not _is_about_a_download(error):
                raise
            raise PluginError(
                f"Weights are missing and cannot be downloaded: {needs}. Put the file anywhere and give it with"
                " --set weights=PATH where the method has this parameter, or copy the caches of a machine that has"
                f" them: HF_HOME, TORCH_HOME, ~/.cache/anomalib. ({_first_line(error)})"
            ) from error


@contextmanager
def _asking_once() -> Iterator[None]:
    """Where the hub cannot be reached, only its cache is looked into: it would be asked six times, for minutes."""
    from huggingface_hub import constants

    known = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = known or not _is_reachable(_HUB)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = known


@lru_cache(maxsize=1)
def _is_reachable(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def _without_pretraining(state: dict[str, Any] | None) -> Iterator[None]:
    """timm makes backbones untrained and fills them with ``state``, if there is one."""
    import timm

    create = timm.create_model
    timm.create_model = _filled(create, state)
    try:
        yield
    finally:
        timm.create_model = create


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
