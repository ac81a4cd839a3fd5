"""vae: a variational autoencoder of f-AnoGAN's encoder and generator (Kingma & Welling 2014).

The encoder gives the mean and the log variance of q(z|x); the generator gives the mean of a Gaussian over pixels with
one variance s^2. Its best value is the mean of A_R, in training that of the batch, so that no weight between the two
terms has to be guessed (the optimal sigma of Rybkin, Daniilidis & Levine, ICML 2021):

    L(x) = n/2 (log s^2 + A_R(x) / s^2) + beta KL(q(z|x) || N(0, I)),     A_R(x) = 1/n ||x - G(z)||^2

In training z is drawn from q(z|x); with beta = 1 the mean of L over such draws, plus the constant n/2 log 2 pi, bounds
-log p(x) from above. In scoring z is the mean of q(z|x). The score is A_R, as for the other autoencoders. ``kl`` is
reported beside it, and ``elbo``: the sum L at the mean code. It is a surrogate and no bound, as it leaves out what the
spread of q adds to A_R.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.contracts import Images, ImageShape

from .networks.resnet import Encoder, Generator
from .training.autoencoding import Autoencoder, AutoencoderParams, Optimisers
from .training.reconstruction import mean_square

_LOWEST = (1 / 255) ** 2
"""Variance of half a grey level: images of fewer greys than that must not drive s^2 to zero."""


class Params(AutoencoderParams):
    """Networks, budget, and the weight of the prior."""

    beta: float = Field(1.0, ge=0, description="weight of the divergence from the prior; 1: the evidence bound")


class PixelVariance(nn.Module):
    """s^2 of every pixel given its code, for scoring: the mean of A_R over about the last hundred batches."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.ones(()))

    def follow(self, residual: Tensor) -> None:
        self.value.lerp_(residual.detach().clamp_min(_LOWEST), 0.01)


class Detector(Autoencoder[Params]):
    """Variational autoencoder."""

    summary = "variational autoencoder with a Gaussian over pixels of the best variance"
    has_prior = True

    def build(self, images: Images | ImageShape) -> None:
        p = self.params
        self.encoder = Encoder(images.size, images.channels, p.latent_dim, p.width, p.encoder_head, spread=True)
        self.generator = Generator(images.size, images.channels, p.latent_dim, p.width)
        self.pixel_variance = PixelVariance()

    def parts(self) -> dict[str, nn.Module]:
        return {**super().parts(), "pixel_variance": self.pixel_variance}

    def encode(self, images: Tensor) -> Tensor:
        return self._posterior(images)[0]

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        mean, log_variance = self._posterior(x)
        noise = torch.randn(mean.shape, generator=random, device=x.device)
        residual = mean_square(x - self.generator(mean + noise * (log_variance / 2).exp()))  # (N,)
        kl, s2 = divergence(mean, log_variance), residual.detach().mean().clamp_min(_LOWEST)
        loss = self._bound(residual, kl, s2, x[0].numel()).mean() / x[0].numel()
        return {"loss": loss, "residual": residual.mean(), "kl": kl.mean(), "log_variance": s2.log()}

    def step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> dict[str, Tensor]:
        logged = super().step(x, random, optimisers)
        self.pixel_variance.follow(logged["residual"])
        return logged

    def further_parts(self, images: Tensor, redrawn: Tensor, code: Tensor) -> dict[str, Tensor]:
        kl = divergence(*self._posterior(images))
        residual = mean_square(images - redrawn)
        return {"kl": kl, "elbo": self._bound(residual, kl, self.pixel_variance.value, images[0].numel())}

    def _posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)  # exp of either end is still a number

    def _bound(self, residual: Tensor, kl: Tensor, s2: Tensor, pixels: int) -> Tensor:
        return pixels / 2 * (s2.log() + residual / s2) + self.params.beta * kl


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) of each sample, ``(N, d), (N, d) -> (N,)``."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
