"""anogan: iterative search for the code of an image (AnoGAN, Schlegl et al., IPMI 2017), on f-AnoGAN's own GAN.

There is no encoder. For each image a code is drawn from the prior and moved by Adam until G(z) looks like the image:

    loss=2019   A_R + kappa A_D = 1/n ||x - G(z)||^2 + kappa/n_d ||f(x) - f(G(z))||^2     the terms of f-AnoGAN's score
    loss=2017   (1 - lambda) sum |x - G(z)| + lambda sum |f(x) - f(G(z))|                 with lambda = 0.1

The loss that is left after ``iterations`` steps is the score; of several ``restarts`` the lowest counts. Every image
has its own loss, its own state of Adam, and a first code drawn from the run's seed and its own pixels: neither the
order nor the company of images matters. With loss=2019, ``anogan`` and ``fanogan`` differ in the way to the code alone.

500 steps and lambda as in 2017. Deviations from it: the GAN is f-AnoGAN's WGAN-GP; the optimiser and its step size,
which the 2017 paper does not state and which we could not read in the 2019 one, are Adam and 0.01. How the search
converges on normal validation images is in ``training.csv``, stage ``mapping``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.contracts import Context, Images, ImageShape, Scores
from bench.cuda_graphs import captured

from .networks.parts import weights_of
from .training.network_detector import NetworkDetector
from .training.optimisers import adam
from .training.reconstruction import mean_square, normal_codes, residual_map, samples_and_ways
from .training.wgan_gp import GanParams, build, shared_gan
from .wgan_critic import Detector as _WganCritic

_AT_A_TIME_ON_A_CPU, _AT_A_TIME_ELSEWHERE = 64, 256  # what is fastest there; changes no score
_GROUP_ON_A_CPU = 16  # in groups of these the processor's kernels round alike, whatever company an image has
_IMAGES_WATCHED = 64  # of the validation set, for the curve of convergence


class Params(GanParams):
    """Settings of the GAN and of the search."""

    iterations: int = Field(500, ge=1, description="steps of Adam for each image")
    step_size: float = Field(0.01, gt=0, description="Adam's step size in latent space")
    restarts: int = Field(1, ge=1, description="searches from different codes for each image; the best counts")
    loss: Literal["2019", "2017"] = Field("2019", description="f-AnoGAN's score (2019), or sums of distances (2017)")
    kappa: float = Field(1.0, ge=0, description="weight of the critic's features in loss=2019")
    feature_share: float = Field(0.1, ge=0, le=1, description="lambda, the share of the critic's features in loss=2017")


class Detector(NetworkDetector[Params]):
    """Iterative AnoGAN."""

    summary = "AnoGAN: 500 steps of gradient descent to each image's code, on f-AnoGAN's GAN"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **_WganCritic.presets,
        "quick": {**_WganCritic.presets["quick"], "iterations": 50, "step_size": 0.1},
    }
    checked_with: ClassVar[Mapping[str, Any]] = {"iterations": 20}

    def build(self, images: Images | ImageShape) -> None:
        self.generator, self.critic = build(images, self.params)

    def parts(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        gan = shared_gan(train, self.params, context)
        self.generator, self.critic = gan.generator, gan.critic
        self.seed = context.seed
        self._watch_convergence(val.probe(_IMAGES_WATCHED), context)
        self._gallery = samples_and_ways(self.generator, self.params.latent_dim, context.generator("gallery"))

    @torch.no_grad()
    def score(self, images: Tensor) -> Scores:
        on_cpu = images.device.type == "cpu"
        chunks = filled_up(images, _GROUP_ON_A_CPU if on_cpu else 1).split(
            _AT_A_TIME_ON_A_CPU if on_cpu else _AT_A_TIME_ELSEWHERE
        )
        code = torch.cat([self._search(chunk) for chunk in chunks])[: len(images)]
        redrawn = self.generator(code)
        parts = self._terms(images, self.critic.features(images), redrawn)
        return Scores(self._total(parts), residual_map(images, redrawn), parts, redrawn, code)

    @torch.inference_mode()
    def sample(self, n: int, random: torch.Generator) -> Tensor:
        return self.generator(normal_codes(n, self.params.latent_dim, random))  # type: ignore[no-any-return]

    def weights(self) -> dict[str, Tensor]:
        return {**weights_of(self.parts()), "seed": torch.tensor(self.seed)}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        super().restore(weights, images, device)
        self.seed = int(weights["seed"])

    def gallery(self) -> Mapping[str, Tensor]:
        return self._gallery

    def _search(self, x: Tensor) -> Tensor:
        """The best codes found for the images ``x``, ``(N, latent_dim)``."""
        best, lowest = torch.empty(len(x), self.params.latent_dim, device=x.device), None
        for restart in range(self.params.restarts):
            search = Search(self, x, self._first_codes(x, restart))
            step = captured(search.step, x.device)
            for _ in range(self.params.iterations):
                step()
            left = search.losses()
            better = torch.ones_like(left, dtype=torch.bool) if lowest is None else left < lowest
            best[better] = search.z.detach()[better]
            lowest = left if lowest is None else torch.minimum(left, lowest)
        return best

    def _first_codes(self, x: Tensor, restart: int) -> Tensor:
        """z ~ N(0, I) for each image, from the seed and the image itself."""
        return torch.cat([normal_codes(1, self.params.latent_dim, g) for g in self._generators(x, restart)]).to(
            x.device
        )

    def _generators(self, x: Tensor, restart: int) -> Iterator[torch.Generator]:
        # By grey levels: a GPU and a CPU differ in the last bit of a float, and an image starts alike on both.
        for levels in ((x + 1) * 127.5).round().to(torch.uint8).cpu():
            content = f"{self.seed}/{restart}/".encode() + levels.numpy().tobytes()
            yield torch.Generator().manual_seed(int.from_bytes(sha256(content).digest()[:7], "big"))

    def _terms(self, x: Tensor, features_of_x: Tensor, redrawn: Tensor) -> dict[str, Tensor]:
        """``residual`` and ``feature`` as the chosen loss has them, ``(N,)`` each: sums or means of one image."""
        pixels, features = x - redrawn, features_of_x - self.critic.features(redrawn)
        if self.params.loss == "2017":
            return {"residual": pixels.abs().flatten(1).sum(dim=1), "feature": features.abs().sum(dim=1)}
        return {"residual": mean_square(pixels), "feature": mean_square(features)}

    def _total(self, terms: Mapping[str, Tensor]) -> Tensor:
        share = self.params.feature_share
        if self.params.loss == "2017":
            return (1 - share) * terms["residual"] + share * terms["feature"]
        return terms["residual"] + self.params.kappa * terms["feature"]

    def _watch_convergence(self, x: Tensor, context: Context) -> None:
        search = Search(self, x, self._first_codes(x, 0))
        one_step = captured(search.step, x.device)

        def step(i: int) -> dict[str, Tensor]:
            return {name: value.mean() for name, value in one_step().items()}

        context.loop("mapping", self.params.iterations, step, {"search": search, "adam": search.adam})


def filled_up(images: Tensor, group: int) -> Tensor:
    """With copies of the last image up to a multiple of ``group``: steps of Adam would magnify another rounding."""
    missing = -len(images) % group
    return torch.cat([images, images[-1:].expand(missing, -1, -1, -1)])


class Search(nn.Module):
    """Codes on their way to their images. The losses are summed, never averaged: each image's gradient is its own."""

    def __init__(self, detector: Detector, images: Tensor, first: Tensor) -> None:
        super().__init__()
        self.z = nn.Parameter(first)
        self.adam = adam([self.z], detector.params.step_size, (0.9, 0.999))
        self._redraw = detector.generator.forward
        with torch.no_grad():
            features = detector.critic.features(images)
        self._terms = partial(detector._terms, images, features)
        self._total = detector._total

    def step(self) -> dict[str, Tensor]:
        """One step of Adam; the terms and the loss of each image before it."""
        with torch.enable_grad():
            terms = self._terms(self._redraw(self.z))
            loss = self._total(terms)
            (self.z.grad,) = torch.autograd.grad(loss.sum(), self.z)  # the networks' own gradients are not computed
        self.adam.step()
        return {"loss": loss.detach(), **{name: value.detach() for name, value in terms.items()}}

    @torch.no_grad()
    def losses(self) -> Tensor:
        """What is left of each image's loss, ``(N,)``."""
        return self._total(self._terms(self._redraw(self.z)))
