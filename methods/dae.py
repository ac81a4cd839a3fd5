"""dae: a denoising autoencoder (Vincent et al. 2008; for anomalies: Kascenas et al., MIDL 2022).

    L(x) = 1/n ||x - G(E(x + e))||^2,     A(x) = 1/n ||x - G(E(x))||^2

The noise e is Gaussian and lies on a grid of ``noise_cell`` pixels, drawn as bilinear ramps between its points:
1 is noise of single pixels; Kascenas et al. found coarse noise, which hides structures, better suited to find lesions.
Their network is a U-Net; here the code passes the bottleneck of f-AnoGAN's networks like everybody else's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from pydantic import Field
from torch import Tensor

from .training.autoencoding import Autoencoder, AutoencoderParams
from .training.reconstruction import mean_square


class Params(AutoencoderParams):
    """Networks, budget, and the noise."""

    noise: float = Field(0.4, gt=0, description="standard deviation of the noise; images lie in [-1, 1]")
    noise_cell: int = Field(8, ge=1, description="pixels between the points of the noise; 1: each pixel its own")


class Detector(Autoencoder[Params]):
    """Denoising autoencoder."""

    summary = "denoising autoencoder: coarse noise is added to the image and has to be removed"

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        return {"loss": mean_square(x - self.generator(self.encoder(x + self._draw_noise(x, random)))).mean()}

    def _draw_noise(self, x: Tensor, random: torch.Generator) -> Tensor:
        n, channels, size, _ = x.shape
        points = max(2, size // self.params.noise_cell)
        coarse = torch.randn(n, channels, points, points, generator=random, device=x.device)
        return self.params.noise * F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
