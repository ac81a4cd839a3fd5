"""Training encoder and generator together, end to end: what the autoencoders and ALI share.

The networks are those of f-AnoGAN (``networks/resnet.py``), so that a difference is the method's and not the network's.
The standard budget shows them as many training images as f-AnoGAN's critic and encoder see together: 45,000 batches.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from bench import contracts
from bench.contracts import Context, Images, ImageShape

from ..networks.parts import freeze
from ..networks.resnet import Encoder, Generator
from .network_detector import BATCH_SIZE
from .optimisers import adam
from .reconstruction import ReconstructionDetector, mean_square, normal_codes
from .wgan_gp import descend

Optimisers = Mapping[str, torch.optim.Optimizer]


class AutoencoderParams(contracts.Params):
    """Networks and budget."""

    width: int = Field(64, ge=1, description="channels at full resolution; doubled at each halving, eight-fold at most")
    latent_dim: int = Field(128, ge=1, description="numbers in a latent code z")
    batch_size: int = Field(BATCH_SIZE, ge=2, description="images per step")
    training_steps: int = Field(45_000, ge=1, description="updates of encoder and generator")
    learning_rate: float = Field(2e-4, gt=0, description="Adam's step size")
    encoder_head: Literal["tanh", "linear"] = Field("linear", description="tanh keeps codes within [-1, 1]")


ParamsT = TypeVar("ParamsT", bound=AutoencoderParams)


class Autoencoder(ReconstructionDetector[ParamsT]):
    """Encoder and generator trained together. A method defines ``step`` or, with one loss for both, ``loss``."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"width": 8, "latent_dim": 64, "batch_size": 32, "training_steps": 2000, "learning_rate": 1e-3},
        "standard": {},
        "paper": {"training_steps": 150_000},
    }
    has_prior: ClassVar[bool] = False
    """Whether codes drawn from N(0, I) should give normal images."""
    adam_betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    def build(self, images: Images | ImageShape) -> None:
        p = self.params
        self.encoder = Encoder(images.size, images.channels, p.latent_dim, p.width, p.encoder_head)
        self.generator = Generator(images.size, images.channels, p.latent_dim, p.width)

    def parts(self) -> dict[str, nn.Module]:
        return {"encoder": self.encoder, "generator": self.generator}

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def sample(self, n: int, random: torch.Generator) -> Tensor | None:
        if not self.has_prior:
            return None
        return self.generator(normal_codes(n, self.params.latent_dim, random))  # type: ignore[no-any-return]

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.build(train)
        self.initialise(self.parts(), context)
        self._train(train, val, context)
        for network in self.parts().values():
            freeze(network)
        self.draw_gallery(train, context, self.params.latent_dim if self.has_prior else None)

    @abstractmethod
    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch under ``loss`` and its terms, each a scalar."""

    def step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> dict[str, Tensor]:
        """One update of everything on the batch ``x``; what it returns is logged."""
        logged = self.loss(x, random)
        descend(optimisers["adam"], logged["loss"])
        return logged

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """By name, for the checkpoints."""
        return {"adam": self.adam(*self.parts().values())}

    def adam(self, *networks: nn.Module) -> torch.optim.Adam:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        return adam(parameters, self.params.learning_rate, self.adam_betas)

    def _train(self, train: Images, val: Images, context: Context) -> None:
        seen, held_out, optimisers = train.probe(256), val.probe(256), self.optimisers()

        def step(i: int) -> dict[str, Tensor]:
            random = context.generator("training", i)
            logged = self.step(train.draw(self.params.batch_size, random), random, optimisers)
            return {name: value.detach() for name, value in logged.items()}

        def evaluate() -> dict[str, float]:
            self._set_training(False)
            errors = [mean_square(x - self.reconstruct(x)).mean().item() for x in (seen, held_out)]
            self._set_training(True)
            return {"train_reconstruction": errors[0], "val_reconstruction": errors[1]}

        context.loop("training", self.params.training_steps, step, {**self.parts(), **optimisers}, evaluate)

    def _set_training(self, on: bool) -> None:
        for network in self.parts().values():
            network.train(on)
