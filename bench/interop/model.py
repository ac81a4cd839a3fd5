"""Between anomalib and a detector of ours: its images turned into ours, its call of the networks, its pre-processor.

anomalib hands out floats in [0, 1] of shape ``(N, 3, H, W)``, read from files by Pillow as RGB. They become bytes
again, with Pillow's grey and scaling as in ``bench run``: anomalib's own scaling rounds differently, and with this one
a detector gives the same scores in both worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from anomalib.data import InferenceBatch
from anomalib.pre_processing import PreProcessor
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import tv_tensors  # type: ignore[import-untyped]
from torchvision.transforms import v2  # type: ignore[import-untyped]

from bench.contracts import ImageShape, WithNetworks
from bench.errors import ConfigError, DataError
from bench.images import ImageCache
from bench.views import View, to_model_input

_RED, _GREEN, _BLUE = 19595, 38470, 7471  # of 65536: ITU-R 601, as Pillow's conversion to grey weighs them


class Resize(v2.Resize):  # type: ignore[misc]
    """The whole image at ``(size, size)``, grey in all three channels where ``channels`` is 1.

    A ``Resize`` by class, for anomalib's data modules look for one and then apply it to each image before batching.
    Masks are scaled as torchvision does it.
    """

    def __init__(self, size: int, channels: int) -> None:
        super().__init__((size, size), antialias=True)
        self._view, self._channels = View(size), channels

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401 - torchvision's signature
        if isinstance(inpt, tv_tensors.Mask):
            return super().transform(inpt, params)
        if inpt.shape[-2:] == (self._view.size, self._view.size):
            return inpt
        flat = inpt.reshape(-1, *inpt.shape[-3:])
        small = np.concatenate([self._view.tiles(image) for image in as_bytes(flat, self._channels)])
        floats = torch.from_numpy(small).permute(0, 3, 1, 2).expand(-1, 3, -1, -1).float().div(255)
        return tv_tensors.wrap(floats.reshape(*inpt.shape[:-2], *floats.shape[-2:]).to(inpt.device), like=inpt)


def as_bytes(images: Tensor, channels: int) -> NDArray[np.uint8]:
    """``(N, 3, H, W)`` in [0, 1] -> ``(N, H, W, channels)``. Raises ``DataError`` for values outside of [0, 1]."""
    levels = images.mul(255).round()
    lowest, highest = levels.aminmax()
    if not (lowest >= 0 and highest <= 255):  # so written that NaN is refused too
        raise DataError(
            f"Expected colours in [0, 1], found {images.min():.4g} to {images.max():.4g}."
            " f-AnoGAN takes images without normalisation: leave pre_processor=True."
        )
    bands = levels.to(torch.int32).permute(0, 2, 3, 1)
    return (_grey(bands) if channels == 1 else bands).to(torch.uint8).cpu().numpy()


def _grey(bands: Tensor) -> Tensor:
    """``(N, H, W, 3) -> (N, H, W, 1)``, to the bit what Pillow makes of RGB."""
    red, green, blue = bands.unbind(-1)
    return ((_RED * red + _GREEN * green + _BLUE * blue + 0x8000) >> 16).unsqueeze(-1)


def in_memory(batches: Sequence[NDArray[np.uint8]]) -> ImageCache:
    """Batches ``(n, S, S, C)`` of equal sizes as the cache that views draw training images from."""
    images = np.concatenate(batches)
    n, height, width, channels = images.shape
    offsets = np.arange(n, dtype=np.int64) * (height * width * channels)
    shapes = np.tile(np.array([height, width], dtype=np.int64), (n, 1))
    return ImageCache(images.reshape(-1), offsets, shapes, channels, digests=())


class FAnoGANModel(nn.Module):
    """The networks of a detector, and anomalib's call of them: images in [0, 1] -> raw scores and maps.

    Always in evaluation mode: the detector trains itself, and its batch norm must learn from no other batch.
    """

    trained: Tensor

    def __init__(self, detector: WithNetworks, shape: ImageShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("trained", torch.tensor(False))
        detector.build(shape)
        self.hold(detector, trained=False)

    def hold(self, detector: WithNetworks, *, trained: bool) -> None:
        """Take over a detector; its networks become modules, so that Lightning moves and saves them."""
        self.detector = detector
        for name, network in detector.parts().items():
            self.add_module(name, network)
        self.requires_grad_(False)
        self.train(False)
        self.trained = torch.full_like(self.trained, trained)

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

    def forward(self, images: Tensor) -> InferenceBatch:
        """``(N, 3, S, S)`` in [0, 1] -> scores ``(N,)`` and maps ``(N, 1, S, S)``, as ``bench run`` has them."""
        if not self.trained:
            raise ConfigError("FAnoGAN is not trained. Call Engine.fit, or load a checkpoint or a record first.")
        scores = self.detector.score(to_model_input(self.as_bytes(images), images.device))
        assert scores.map is not None  # every variant of f-AnoGAN points
        return InferenceBatch(pred_score=scores.image, anomaly_map=scores.map.unsqueeze(1))

    def as_bytes(self, images: Tensor) -> NDArray[np.uint8]:
        """``(N, S, S, channels)``. Raises ``DataError`` for another shape and for values outside of [0, 1]."""
        expected = (3, self.shape.size, self.shape.size)
        if images.shape[1:] != expected:
            raise DataError(
                f"Expected images of shape {expected}, found {tuple(images.shape[1:])}. Leave pre_processor=True, or"
                f" let your own end with bench.interop.Resize({self.shape.size}, {self.shape.channels})."
            )
        return as_bytes(images, self.shape.channels)


class ScalingPreProcessor(PreProcessor):
    """anomalib's pre-processor; nothing of it is saved, for the model's own settings say how to scale."""

    def checkpoint_config(self) -> dict[str, Any]:
        return {}

    def load_checkpoint_config(self, config: dict[str, Any]) -> None:
        """Keep what the constructor made, unless the model was saved with its user's own transform."""
        if config:
            super().load_checkpoint_config(config)
