"""ali: adversarially learned inference (Dumoulin et al. 2017; BiGAN, Donahue et al. 2017).

Encoder and generator are trained at once by a discriminator of pairs, which sees an image together with its code:

    (x, E(x)) with x from the data        against        (G(z), z) with z ~ N(0, I)

Encoder and generator learn to make the two look alike, so that each ends up as the other's inverse; no pixel is ever
compared in training. As in ALI, E(x) is drawn from a Gaussian whose mean and variance the network gives; scoring takes
the mean. The score is the residual A_R of G(E(x)) (Schlegl et al. 2019); the distance of the discriminator's features
of (x, E(x)) and (G(E(x)), E(x)) is reported beside it as ``feature``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from pydantic import Field
from torch import Tensor, nn

from bench.contracts import Images, ImageShape

from .networks.resnet import Critic, Encoder, channel_plan
from .training.autoencoding import Autoencoder, AutoencoderParams, Optimisers
from .training.reconstruction import mean_square, normal_codes
from .training.wgan_gp import descend


class Params(AutoencoderParams):
    """Networks, budget, and the encoder's randomness."""

    stochastic: bool = Field(True, description="draw codes around E(x) in training, as ALI; false: as BiGAN")


class PairCritic(nn.Module):
    """D(x, z): f-AnoGAN's critic up to its features, the code appended, two dense layers."""

    def __init__(self, images: Images | ImageShape, latent_dim: int, width: int, hidden: int = 512) -> None:
        super().__init__()
        self.image = Critic(images.size, images.channels, width)
        inputs = channel_plan(images.size, width)[-1] * 4 * 4 + latent_dim
        self.linear_1, self.linear_2 = nn.Linear(inputs, hidden), nn.Linear(hidden, 1)

    def features(self, x: Tensor, z: Tensor) -> Tensor:
        """``(N, hidden)``: what the last layer sees of a pair."""
        return F.leaky_relu(self.linear_1(torch.cat([self.image.features(x), z], dim=1)), 0.1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:  # (N, C, S, S), (N, latent_dim) -> (N,)
        return self.linear_2(self.features(x, z)).squeeze(1)  # type: ignore[no-any-return]


class Detector(Autoencoder[Params]):
    """Adversarially learned inference."""

    summary = "adversarially learned inference: encoder and generator against a discriminator of pairs (x, z)"
    has_prior = True
    adam_betas = (0.5, 0.999)

    def build(self, images: Images | ImageShape) -> None:
        super().build(images)
        p = self.params
        self.encoder = Encoder(images.size, images.channels, p.latent_dim, p.width, p.encoder_head, spread=True)
        self.critic = PairCritic(images, p.latent_dim, p.width)

    def parts(self) -> dict[str, nn.Module]:
        return {**super().parts(), "critic": self.critic}

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images).chunk(2, dim=1)[0]  # type: ignore[no-any-return]

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"adam": self.adam(self.encoder, self.generator), "adam_of_critic": self.adam(self.critic)}

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """Cross entropy with the sides exchanged: what encoder and generator reduce."""
        encoded, generated = (self.critic(*pair) for pair in self._pairs(x, random))
        return {"loss": F.softplus(encoded).mean() + F.softplus(-generated).mean()}

    def step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> dict[str, Tensor]:
        critic_loss = self._critic_step(x, random, optimisers)
        logged = super().step(x, random, optimisers)
        return {**logged, "critic_loss": critic_loss}

    def _critic_step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> Tensor:
        with torch.no_grad():
            pairs = self._pairs(x, random)
        encoded, generated = (self.critic(*pair) for pair in pairs)
        loss = F.softplus(-encoded).mean() + F.softplus(generated).mean()
        descend(optimisers["adam_of_critic"], loss)
        return loss

    def further_parts(self, images: Tensor, redrawn: Tensor, code: Tensor) -> dict[str, Tensor]:
        return {"feature": mean_square(self.critic.features(images, code) - self.critic.features(redrawn, code))}

    def _pairs(self, x: Tensor, random: torch.Generator) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Image and code, once from the encoder and once from the generator."""
        z = normal_codes(len(x), self.params.latent_dim, random)
        return (x, self._draw_codes(x, random)), (self.generator(z), z)

    def _draw_codes(self, x: Tensor, random: torch.Generator) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        if not self.params.stochastic:
            return mean  # type: ignore[no-any-return]
        noise = torch.randn(mean.shape, generator=random, device=x.device)
        return mean + noise * (log_variance.clamp(-20, 20) / 2).exp()  # type: ignore[no-any-return]
