"""WGAN-GP on normal images (Gulrajani et al. 2017), with the schedule of f-AnoGAN: the stage its variants share.

The critic D learns to tell real from generated images, the generator G to close the gap:

    L_D = mean D(G(z)) - mean D(x) + 10 * mean (||grad D(x_hat)||_2 - 1)^2
    L_G = -mean D(G(z))          z ~ N(0, I),   x_hat = x + alpha (G(z) - x),   alpha ~ U(0, 1) per sample

Deviations from the official code: the budget is counted in generator steps, not epochs; each generator step follows
its critic steps, so the very last update is the generator's and not the critic's. Batches are drawn with replacement;
there, epochs go through the images. Half of the images are mirrored where the data set says that a mirrored one is
normal; there always. What the last step leaves is kept; there, the user picks an epoch's checkpoint by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from pydantic import Field
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape
from bench.cuda_graphs import captured

from ..networks.convolution import by_images_only
from ..networks.parts import load, weights_of
from ..networks.resnet import Critic, Generator, initialise
from .network_detector import BATCH_SIZE
from .optimisers import adam
from .reconstruction import normal_codes


class GanParams(contracts.Params):
    """Everything that decides the trained GAN; methods that agree on these share it."""

    width: int = Field(64, ge=1, description="channels at full resolution; doubled at each halving, eight-fold at most")
    latent_dim: int = Field(128, ge=1, description="numbers in a latent code z")
    batch_size: int = Field(BATCH_SIZE, ge=2, description="images per step, of the GAN and of the encoder")
    generator_steps: int = Field(6_000, ge=1, description="updates of the generator")
    critic_steps: int = Field(5, ge=1, description="updates of the critic before each update of the generator")
    penalty_weight: float = Field(10.0, ge=0, description="weight of the gradient penalty")
    gan_learning_rate: float = Field(1e-4, gt=0, description="Adam's step size for generator and critic")
    gan_beta_1: float = Field(0.0, ge=0, lt=1, description="Adam's memory of gradients, generator and critic")
    gan_beta_2: float = Field(0.9, ge=0, lt=1, description="Adam's memory of squared gradients, generator and critic")


@dataclass(frozen=True)
class Gan:
    """A trained pair, frozen and in evaluation mode."""

    generator: Generator
    critic: Critic


def shared_gan(train: Images, params: GanParams, context: Context) -> Gan:
    """The GAN of this data set, view, seed and ``params``: trained by whoever needs it first, then reused."""
    identity = params.model_dump(include=set(GanParams.model_fields))
    weights = context.stage("gan", identity, lambda stage: train_gan(train, params, stage))
    gan = Gan(*build(train, params))
    load({"generator": gan.generator, "critic": gan.critic}, weights, context.device)
    return gan


def train_gan(train: Images, params: GanParams, context: Context) -> dict[str, Tensor]:
    """Weights of both networks after ``generator_steps`` steps."""
    generator, critic = build(train, params)
    initialise(generator, context.cpu_generator("generator weights"))
    initialise(critic, context.cpu_generator("critic weights"))
    generator.to(context.device).train()
    critic.to(context.device).train()
    betas = (params.gan_beta_1, params.gan_beta_2)
    adam_g = adam(generator.parameters(), params.gan_learning_rate, betas)
    adam_d = adam(critic.parameters(), params.gan_learning_rate, betas)
    critic_step = captured(partial(_critic_step, generator, critic, adam_d, params.penalty_weight), context.device)
    generator_step = captured(partial(_generator_step, generator, critic, adam_g), context.device)

    def step(i: int) -> dict[str, Tensor]:
        for k in range(params.critic_steps):
            random = context.generator("critic", i * params.critic_steps + k)
            logged = critic_step(*_drawn(train, params, random))
        z = normal_codes(params.batch_size, params.latent_dim, context.generator("generator", i))
        return {**logged, **generator_step(z)}

    state = {"generator": generator, "critic": critic, "adam_g": adam_g, "adam_d": adam_d}
    context.loop("GAN", params.generator_steps, step, state)
    return weights_of({"generator": generator, "critic": critic})


def _drawn(train: Images, params: GanParams, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """What a step of the critic takes: real images, codes of generated ones, and where between both to look."""
    real = train.draw(params.batch_size, random)
    z = normal_codes(len(real), params.latent_dim, random)
    return real, z, torch.rand(len(real), 1, 1, 1, generator=random, device=real.device)


def _critic_step(
    generator: Generator,
    critic: Critic,
    adam_d: torch.optim.Optimizer,
    penalty_weight: float,
    real: Tensor,  # (N, C, S, S)
    z: Tensor,  # (N, latent_dim)
    alpha: Tensor,  # (N, 1, 1, 1)
) -> dict[str, Tensor]:
    n = len(real)
    with torch.no_grad():
        fake = generator(z)
    penalty = gradient_penalty(critic, real, fake, alpha)
    judged = critic(torch.cat([fake, real]))  # one pass: the critic looks at each sample alone
    wasserstein = judged[n:].mean() - judged[:n].mean()
    loss = -wasserstein + penalty_weight * penalty
    descend(adam_d, loss)
    return {"critic_loss": loss.detach(), "wasserstein": wasserstein.detach(), "gradient_penalty": penalty.detach()}


def _generator_step(
    generator: Generator, critic: Critic, adam_g: torch.optim.Optimizer, z: Tensor
) -> dict[str, Tensor]:
    loss = -critic(generator(z)).mean()
    descend(adam_g, loss)
    return {"generator_loss": loss.detach()}


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """mean (||grad D(x_hat)||_2 - 1)^2 with one ``alpha`` and one norm, over all pixels, per sample."""
    x_hat = (real + alpha * (fake - real)).requires_grad_(True)
    judged = critic(x_hat).sum()
    with by_images_only():
        (gradient,) = torch.autograd.grad(judged, x_hat, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def build(images: Images | ImageShape, params: GanParams) -> tuple[Generator, Critic]:
    """Both networks for images of this size and number of channels, not yet initialised."""
    generator = Generator(images.size, images.channels, params.latent_dim, params.width)
    return generator, Critic(images.size, images.channels, params.width)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One update of the optimiser's own parameters: gradients flow through other networks and leave nothing there."""
    optimiser.zero_grad(set_to_none=True)
    own = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    loss.backward(inputs=own)  # type: ignore[no-untyped-call]
    optimiser.step()
