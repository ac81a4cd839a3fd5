"""ae: an autoencoder of f-AnoGAN's encoder and generator, trained end to end (a rival in Schlegl et al. 2019).

    L(x) = 1/n ||x - G(E(x))||^2,     A(x) = the same

No adversary, no prior: whatever the code can carry is redrawn, normal or not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .training.autoencoding import Autoencoder, AutoencoderParams
from .training.reconstruction import mean_square


class Params(AutoencoderParams):
    """Networks and budget."""


class Detector(Autoencoder[Params]):
    """Autoencoder."""

    summary = "autoencoder: f-AnoGAN's encoder and generator trained end to end on the pixels"

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        return {"loss": mean_square(x - self.generator(self.encoder(x))).mean()}
