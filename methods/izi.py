"""izi: the encoder of f-AnoGAN trained image -> code -> image, through the pixels alone (Schlegl et al. 2019).

    L(x) = 1/n ||x - G(E(x))||^2                                                                   (izi)

The GAN, the score and everything else are those of ``fanogan``; the paper adds the critic's features to this loss
because a real image's true code is unknown and pixels alone constrain it weakly.
"""

from __future__ import annotations

from torch import Tensor

from . import fanogan
from .fanogan import Params as Params
from .training.reconstruction import mean_square


class Detector(fanogan.Detector):
    """f-AnoGAN without the feature term in training."""

    summary = "izi: f-AnoGAN with the encoder trained through pixels only"

    def encoder_loss(self, x: Tensor) -> dict[str, Tensor]:  # (N, C, S, S)
        return {"loss": mean_square(x - self.generator(self.encoder(x))).mean()}
