"""ziz: the encoder of f-AnoGAN trained code -> image -> code, on generated images alone (Schlegl et al. 2019).

    L(z) = 1/d ||z - E(G(z))||^2,     z ~ N(0, I)                                                  (ziz)

The encoder never sees a real image. Its head is linear: a third of N(0, 1) lies outside [-1, 1], so that tanh could
not push the loss below 0.151 per coordinate.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.contracts import Images

from . import fanogan
from .training.reconstruction import mean_square, normal_codes


class Params(fanogan.Params):
    """As for ``fanogan``, with a linear head."""

    encoder_head: Literal["tanh", "linear"] = Field("linear", description="tanh cannot reach the codes beyond [-1, 1]")


class Detector(fanogan.Detector):
    """f-AnoGAN with the encoder trained on generated images."""

    summary = "ziz: f-AnoGAN with the encoder trained on generated images, in latent space"

    def encoder_input(self, train: Images, random: torch.Generator) -> Tensor:
        return normal_codes(self.params.batch_size, self.params.latent_dim, random)

    def encoder_loss(self, z: Tensor) -> dict[str, Tensor]:  # (N, latent_dim)
        return {"loss": mean_square(z - self.encoder(self.generator(z))).mean()}
