"""f-AnoGAN (Schlegl, Seeböck, Waldstein, Langs, Schmidt-Erfurth, Medical Image Analysis 54:30-44, 2019), variant izi_f.

1. A WGAN-GP learns normal images: generator G, critic D (``training/wgan_gp.py``). Both are then frozen.
2. An encoder E learns, on normal images, to find the code from which G redraws the image, seen through the
   critic's features f as well as through the pixels:

       L(x) = 1/n ||x - G(E(x))||^2  +  kappa/n_d ||f(x) - f(G(E(x)))||^2                            (izi_f)

3. What cannot be redrawn is anomalous. The score is the same sum, the map the residual of each pixel:

       A(x) = A_R(x) + kappa A_D(x),     map(x) = |x - G(E(x))|, averaged over channels

Deviations from the official code: RMSProp's epsilon stands outside the root (1e-8; inside it there, 1e-10); the last
incomplete batch is scored like any other; budgets are counted in steps; training batches are drawn with replacement
(there epochs go through the images); half of the training images are mirrored where the data set says that a mirrored
one is normal (there always, and validation images too); the last step is scored (there the user picks a checkpoint by
hand). ``quick`` is narrower, shorter and learns at higher rates: it is for trying out and for tests, never for a claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from bench.contracts import Context, Images, ImageShape, Published
from bench.cuda_graphs import captured

from .networks.parts import freeze
from .networks.resnet import Encoder
from .training.optimisers import rmsprop_as_in_tensorflow
from .training.reconstruction import ReconstructionDetector, mean_square, normal_codes
from .training.wgan_gp import GanParams, build, descend, shared_gan


class Params(GanParams):
    """Settings of the GAN, of the encoder and of the score."""

    kappa: float = Field(1.0, ge=0, description="weight of the critic's features, in training and in the score")
    encoder_steps: int = Field(15_000, ge=1, description="updates of the encoder")
    encoder_learning_rate: float = Field(5e-5, gt=0, description="RMSProp's step size for the encoder")
    encoder_head: Literal["tanh", "linear"] = Field("tanh", description="tanh keeps codes within [-1, 1]")


class Detector(ReconstructionDetector[Params]):
    """f-AnoGAN; ``izi`` and ``ziz`` change nothing but how the encoder learns."""

    summary = "f-AnoGAN (izi_f): WGAN-GP, encoder trained through pixels and critic features"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {
            "width": 8,
            "latent_dim": 64,
            "batch_size": 32,
            "generator_steps": 1000,
            "critic_steps": 2,
            "gan_learning_rate": 5e-4,
            "encoder_steps": 2000,
            "encoder_learning_rate": 1e-3,
        },
        "standard": {},
        "paper": {"generator_steps": 20_000, "encoder_steps": 50_000},
    }
    published: ClassVar[Mapping[str, Published]] = {
        "loco-2022": Published(
            settings={
                "latent_dim": 128,
                "batch_size": 64,
                "critic_steps": 5,
                "gan_learning_rate": 1e-4,
                "generator_steps": 120,
                "encoder_learning_rate": 5e-5,
                "encoder_steps": 50_000,
            },
            view="resize:64",
            source="Bergmann, Batzner, Fauser, Sattlegger, Steger, IJCV 130:947-969, 2022 (MVTec LOCO AD); secondary,"
            " by a note on the paper: grey 64x64, latent size 128, batch 64; GAN: Adam 1e-4, 100 epochs, 5 critic"
            " steps; encoder: RMSProp 5e-5, 50,000 steps",
            unknown="what an epoch is: here a critic step for each batch, so that 100 epochs of 6 batches (335 to 372"
            " images a category) are 600 steps of the critic and 120 of the generator, which is few for a GAN;"
            " networks, Adam's betas and kappa: the official code's stand in; not applied: augmentation by category"
            " (flips, up to 3 degrees of rotation, jitter), and grey, which the data set decides: --set grey=true",
        ),
        "bmad-2024": Published(
            settings={
                "latent_dim": 100,
                "batch_size": 32,
                "critic_steps": 5,
                "gan_learning_rate": 2e-4,
                "gan_beta_1": 0.5,
                "gan_beta_2": 0.999,
                "generator_steps": 32_920,
                "encoder_steps": 164_600,
            },
            view="resize:256",
            source="Bao, Sun, Deng, He, Li, Wang, Gu, CVPR Workshops 2024 (BMAD): 224x224, latent size 100, batch 32,"
            " 200 epochs, Adam 2e-4 (0.5, 0.999), 5 critic steps",
            unknown="its networks (a port without residual blocks, batch norm and dropout in the critic) and 224x224,"
            " which these networks do not take: ours at 256x256 stand in; three channels: as many as the data set has;"
            " the port trains the encoder with Adam: our RMSProp stands in; the random flip of its test images is left"
            " out; steps are 200 epochs, of OCT2017's 26,315 images for crops",
        ),
    }

    @classmethod
    def preset(cls, name: str, images: int | None) -> Mapping[str, Any]:
        chosen = super().preset(name, images)
        if name not in _EPOCHS or images is None:
            return chosen
        steps = _EPOCHS[name] * ceil(images / chosen["batch_size"])
        counted = {"generator_steps": ceil(steps / chosen["critic_steps"])}
        if name == "bmad-2024":
            counted["encoder_steps"] = steps
        return {**chosen, **counted}

    def build(self, images: Images | ImageShape) -> None:
        p = self.params
        self.generator, self.critic = build(images, p)
        self.encoder = Encoder(images.size, images.channels, p.latent_dim, p.width, p.encoder_head)

    def parts(self) -> dict[str, torch.nn.Module]:
        return {"generator": self.generator, "critic": self.critic, "encoder": self.encoder}

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.build(train)
        gan = shared_gan(train, self.params, context)
        self.generator, self.critic = gan.generator, gan.critic
        self.initialise({"encoder": self.encoder}, context)
        self._train_encoder(train, val, context)
        freeze(self.encoder)
        self.draw_gallery(train, context, self.params.latent_dim)

    def encoder_input(self, train: Images, random: torch.Generator) -> Tensor:
        """What the encoder learns from in one step: a batch of images."""
        return train.draw(self.params.batch_size, random)

    def encoder_loss(self, x: Tensor) -> dict[str, Tensor]:  # (N, C, S, S)
        """The loss under ``loss`` and its terms, each a scalar."""
        x_hat = self.generator(self.encoder(x))
        residual = mean_square(x - x_hat).mean()
        with torch.no_grad():
            f_x = self.critic.features(x)  # (N, n_d)
        feature = mean_square(f_x - self.critic.features(x_hat)).mean()
        return {"loss": residual + self.params.kappa * feature, "residual": residual, "feature": feature}

    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def sample(self, n: int, random: torch.Generator) -> Tensor:
        return self.generator(normal_codes(n, self.params.latent_dim, random))  # type: ignore[no-any-return]

    def further_parts(self, images: Tensor, redrawn: Tensor, code: Tensor) -> dict[str, Tensor]:
        feature = mean_square(self.critic.features(images) - self.critic.features(redrawn))
        latent = mean_square(code - self.encoder(redrawn))  # logged by the official code too
        return {"feature": feature, "latent": latent}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        return parts["residual"] + self.params.kappa * parts["feature"]

    def _train_encoder(self, train: Images, val: Images, context: Context) -> None:
        optimiser = rmsprop_as_in_tensorflow(self.encoder.parameters(), self.params.encoder_learning_rate)
        seen, held_out = train.probe(256), val.probe(256)

        def descended(drawn: Tensor) -> dict[str, Tensor]:
            logged = self.encoder_loss(drawn)
            descend(optimiser, logged["loss"])
            return {name: value.detach() for name, value in logged.items()}

        encoder_step = captured(descended, context.device)

        def step(i: int) -> Mapping[str, Tensor]:
            return encoder_step(self.encoder_input(train, context.generator("encoder", i)))

        def evaluate() -> dict[str, float]:
            self.encoder.eval()
            errors = [mean_square(x - self.reconstruct(x)).mean().item() for x in (seen, held_out)]
            self.encoder.train()
            return {"train_reconstruction": errors[0], "val_reconstruction": errors[1]}

        state = {"encoder": self.encoder, "rmsprop": optimiser}
        context.loop("encoder", self.params.encoder_steps, step, state, evaluate)


_EPOCHS = {"loco-2022": 100, "bmad-2024": 200}
"""Published ones, of the GAN; a batch is a step of the critic. BMAD's encoder is trained as long."""
