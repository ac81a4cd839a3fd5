"""What all methods share that keep what they learnt in networks: weights, their way back, batches for small sets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench import contracts
from bench.contracts import Context, Images, ImageShape

from ..networks.parts import load, weights_of
from ..networks.resnet import initialise

ParamsT = TypeVar("ParamsT", bound=contracts.Params)
BATCH_SIZE = 64
"""What all of them take unless a preset or the user has another."""


class NetworkDetector(contracts.Detector[ParamsT]):
    """A detector ``WithNetworks``: ``build`` makes them, ``parts`` names them."""

    @abstractmethod
    def build(self, images: Images | ImageShape) -> None:
        """Set the networks for images of this shape as attributes, not yet initialised."""

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """The networks by name."""

    def initialise(self, parts: Mapping[str, nn.Module], context: Context) -> None:
        """First weights, each part from its own random numbers; then on the device, ready for training."""
        for name, network in parts.items():
            initialise(network, context.cpu_generator(f"{name} weights"))
            network.to(context.device).train()

    def weights(self) -> dict[str, Tensor]:
        return weights_of(self.parts())

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.build(images)
        load(self.parts(), weights, device)

    @classmethod
    def preset(cls, name: str, images: int | None) -> Mapping[str, Any]:
        """Batches no larger than the training set: a few own images are enough to try things out."""
        chosen = super().preset(name, images)
        usual = chosen.get("batch_size", BATCH_SIZE)
        return {**chosen, "batch_size": usual if images is None else max(2, min(usual, images))}
