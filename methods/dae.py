"""dae: a denoising autoencoder (Vincent et al. 2008; for anomalies: Kascenas et al., MIDL 2022).

    L(x) = 1/n ||x - G(E(x + e))||^2,     A(x) = 1/n ||x - G(E(x))||^2

The noise e is Gaussian at the points of a coarse grid, one for ``noise_cell`` pixels, bilinear between them, and rolled
by a random number of rows and columns, as Kascenas et al. do: coarse noise, which hides structures, suited their search
for lesions better than noise of single pixels (``noise_cell`` 1). Their network is a U-Net, and theirs leaves the
background of a brain scan as it is; here the code passes the bottleneck of f-AnoGAN's networks like everybody else's.
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

    noise: float = Field(0.4, gt=0, description="standard deviation at the points of the grid; images lie in [-1, 1]")
    noise_cell: int = Field(8, ge=1, description="pixels to each point of the grid of noise; 1: each pixel its own")


class Detector(Autoencoder[Params]):
    """Denoising autoencoder."""

    summary = "denoising autoencoder: coarse noise is added to the image and has to be removed"

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        return {"loss": mean_square(x - self.generator(self.encoder(x + self._draw_noise(x, random)))).mean()}

    def _draw_noise(self, x: Tensor, random: torch.Generator) -> Tensor:
        n, channels, size, _ = x.shape
        points = max(2, size // self.params.noise_cell)
        coarse = torch.randn(n, channels, points, points, generator=random, device=x.device)
        noise = F.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
        shift = torch.randint(size, (2, 1), generator=random, device=x.device)
        rows, columns = (torch.arange(size, device=x.device) + shift) % size
        return self.params.noise * noise[:, :, rows[:, None], columns]
