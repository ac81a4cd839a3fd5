"""wgan-critic: the critic of f-AnoGAN's GAN alone (one of the rivals in Schlegl et al. 2019).

    A(x) = -D(x)

D was trained to be high on normal images and low on generated ones. Whether it is so at the end of training is looked
up on normal validation images: where these lie below generated ones, the sign is turned, and recorded either way. A
critic can tell that an image was generated; that an anomalous image looks more generated is a hope. There is no map.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.contracts import Context, Images, ImageShape, Scores

from . import fanogan
from .networks.parts import weights_of
from .training.network_detector import NetworkDetector
from .training.reconstruction import normal_codes
from .training.wgan_gp import GanParams, build, shared_gan

_SHARED = GanParams.model_fields


class Params(GanParams):
    """Settings of the GAN."""


class Detector(NetworkDetector[Params]):
    """The bare critic."""

    summary = "minus the output of f-AnoGAN's critic, without an encoder"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        name: {key: value for key, value in changes.items() if key in _SHARED}
        for name, changes in fanogan.Detector.presets.items()
    }

    def build(self, images: Images | ImageShape) -> None:
        self.generator, self.critic = build(images, self.params)
        self.sign = torch.tensor(-1.0)

    def parts(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        gan = shared_gan(train, self.params, context)
        self.generator, self.critic = gan.generator, gan.critic
        with torch.inference_mode():
            real = torch.cat([self.critic(batch) for batch in val.batches(256)])
            z = normal_codes(1024, self.params.latent_dim, context.generator("sign"))
            fake = torch.cat([self.critic(self.generator(codes)) for codes in z.split(256)])
        self.means = {"D(validation normals)": real.mean().item(), "D(generated)": fake.mean().item()}
        self.sign = torch.tensor(calibrated_sign(real, fake))

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        return Scores(image=self.sign.to(images.device) * self.critic(images))

    @torch.inference_mode()
    def network_pass(self, images: Tensor) -> Tensor:
        return self.critic(images)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def sample(self, n: int, random: torch.Generator) -> Tensor:
        return self.generator(normal_codes(n, self.params.latent_dim, random))  # type: ignore[no-any-return]

    def weights(self) -> dict[str, Tensor]:
        return {**weights_of(self.parts()), "sign": self.sign}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        super().restore(weights, images, device)
        self.sign = weights["sign"]

    def facts(self) -> dict[str, Any]:
        return {"sign": f"{self.sign.item():+.0f} x D(x), calibrated on validation normals", **self.means}


def calibrated_sign(real: Tensor, generated: Tensor) -> float:
    """-1 where the critic is higher on real normal images than on generated ones, as it was trained to be; else 1."""
    return -1.0 if real.mean() >= generated.mean() else 1.0
