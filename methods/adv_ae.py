"""adv-ae: an autoencoder with an adversary (one of the rivals in Schlegl et al. 2017 and 2019).

``space=image``: a discriminator D tells images from redrawn ones, and the autoencoder learns to deceive it as well:

    L(x) = (1 - w)/n ||x - G(E(x))||^2 - w log D(G(E(x)))

with w = 0.001, as in the context encoders (Pathak et al. 2016) that the 2017 paper's rival descends from.

``space=latent``: the adversarial autoencoder (Makhzani et al. 2016). D tells codes of images from codes of the prior
N(0, I); each step first reduces the residual, then deceives D with the encoder alone.

The score is the residual A_R in both. D(x) is f-AnoGAN's critic with a logistic loss in place of Wasserstein's; where
there is one, the distance of its features is reported beside the score as ``feature``.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from pydantic import Field
from torch import Tensor, nn

from bench.contracts import Images, ImageShape

from .networks.resnet import Critic
from .training.autoencoding import Autoencoder, AutoencoderParams, Optimisers
from .training.reconstruction import mean_square, normal_codes
from .training.wgan_gp import descend


class Params(AutoencoderParams):
    """Networks, budget, and what the adversary looks at."""

    space: Literal["image", "latent"] = Field(
        "image", description="what the adversary judges: redrawn images, or codes against a prior N(0, I)"
    )
    adversarial_weight: float = Field(
        0.001, ge=0, le=1, description="share of the adversary in the autoencoder's loss, of space=image alone"
    )


class CodeCritic(nn.Sequential):
    """Codes ``(N, latent_dim)`` -> logits ``(N,)``: two hidden layers, as in the adversarial autoencoder."""

    def __init__(self, latent_dim: int, width: int = 512) -> None:
        layers = [nn.Linear(latent_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)]
        super().__init__(*layers, nn.Flatten(0))


class Detector(Autoencoder[Params]):
    """Autoencoder with an adversary."""

    summary = "adversarial autoencoder: a discriminator of redrawn images, or of codes (space=latent)"
    adam_betas = (0.5, 0.999)

    @property
    def has_prior(self) -> bool:  # type: ignore[override]
        return self.params.space == "latent"

    def build(self, images: Images | ImageShape) -> None:
        super().build(images)
        p = self.params
        in_image_space = p.space == "image"
        self.critic = Critic(images.size, images.channels, p.width) if in_image_space else CodeCritic(p.latent_dim)

    def parts(self) -> dict[str, nn.Module]:
        return {**super().parts(), "critic": self.critic}

    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "adam": self.adam(self.encoder, self.generator),
            "adam_of_encoder": self.adam(self.encoder),
            "adam_of_critic": self.adam(self.critic),
        }

    def loss(self, x: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        x_hat = self.generator(self.encoder(x))
        residual = mean_square(x - x_hat).mean()
        if self.params.space == "latent":
            return {"loss": residual}
        w, deceived = self.params.adversarial_weight, logistic(self.critic(x_hat), real=True)
        return {"loss": (1 - w) * residual + w * deceived, "residual": residual, "deceived": deceived}

    def step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> dict[str, Tensor]:
        judged = self._critic_step(x, random, optimisers)
        logged = self.loss(x, random)
        descend(optimisers["adam"], logged["loss"])
        if self.params.space == "latent":
            logged["deceived"] = logistic(self.critic(self.encoder(x)), real=True)
            descend(optimisers["adam_of_encoder"], logged["deceived"])
        return {**logged, "critic_loss": judged}

    def _critic_step(self, x: Tensor, random: torch.Generator, optimisers: Optimisers) -> Tensor:
        with torch.no_grad():
            fake = self.encoder(x)
            if self.params.space == "image":
                fake = self.generator(fake)
        real = x if self.params.space == "image" else normal_codes(len(x), self.params.latent_dim, random)
        loss = logistic(self.critic(real), real=True) + logistic(self.critic(fake), real=False)
        descend(optimisers["adam_of_critic"], loss)
        return loss

    def further_parts(self, images: Tensor, redrawn: Tensor, code: Tensor) -> dict[str, Tensor]:
        if not isinstance(self.critic, Critic):
            return {}
        return {"feature": mean_square(self.critic.features(images) - self.critic.features(redrawn))}


def logistic(logits: Tensor, real: bool) -> Tensor:
    """Mean cross entropy of ``logits`` with everything real, or nothing."""
    return F.softplus(-logits if real else logits).mean()
