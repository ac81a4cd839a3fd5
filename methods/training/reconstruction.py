"""What all methods share that redraw an image from a code and call anomalous what they cannot redraw.

A_R(x) = 1/n ||x - G(z)||^2,     map(x) = |x - G(z)|, averaged over channels
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench import contracts
from bench.contracts import Context, Images, Scores
from bench.cuda_graphs import Step, captured

from .network_detector import NetworkDetector

ParamsT = TypeVar("ParamsT", bound=contracts.Params)
_PIXELS_AT_MOST = 2**20
"""Of a batch whose kernels are launched together: 256 images of 64x64. Larger ones keep a GPU busy anyway, and a graph
keeps memory of its own."""


class ReconstructionDetector(NetworkDetector[ParamsT]):
    """Scores what G(E(x)) does not bring back; ``further_parts`` and ``total`` may add to the residual."""

    generator: nn.Module

    def __init__(self, params: ParamsT) -> None:
        super().__init__(params)
        self._graphs: dict[str, Any] = {}

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """The code that each image is redrawn from when it is scored, ``(N, latent_dim)``."""

    @torch.inference_mode()
    def reconstruct(self, images: Tensor) -> Tensor:
        """G(E(x)), ``(N, C, S, S)``."""
        return self.generator(self.encode(images))  # type: ignore[no-any-return]

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        found = self._replayed("answer", self._answer, images)
        own = {"image", "map", "redrawn", "code"}
        parts = {name: value for name, value in found.items() if name not in own}
        return Scores(found["image"], found["map"], parts, found["redrawn"], found["code"])

    def _answer(self, images: Tensor) -> dict[str, Tensor]:
        code = self.encode(images)
        redrawn = self.generator(code)
        parts = {"residual": mean_square(images - redrawn), **self.further_parts(images, redrawn, code)}
        seen = {"image": self.total(parts), "map": residual_map(images, redrawn), "redrawn": redrawn, "code": code}
        return {**seen, **parts}

    @torch.inference_mode()
    def network_pass(self, images: Tensor) -> Tensor:
        return self._replayed("redrawn", lambda x: {"redrawn": self.reconstruct(x)}, images)["redrawn"]

    def _replayed(self, name: str, step: Step, images: Tensor) -> Mapping[str, Tensor]:
        """What ``step`` finds in images; from a CUDA graph where launching kernels would take longer than they do."""
        if images.device.type != "cuda" or images[:, 0].numel() > _PIXELS_AT_MOST:
            return step(images)
        if self._graphs.get("of") is not self.generator:  # fitted or restored anew: graphs hold the weights they saw
            self._graphs = {"of": self.generator}
        replay = self._graphs.setdefault(name, captured(step, images.device))
        return {key: value.clone() for key, value in replay(images).items()}  # the graph will write there again

    def further_parts(self, images: Tensor, redrawn: Tensor, code: Tensor) -> Mapping[str, Tensor]:
        """Scores beside the residual, ``(N,)`` each."""
        return {}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The method's answer, from its parts."""
        return parts["residual"]

    def gallery(self) -> Mapping[str, Tensor]:
        return self._gallery

    @torch.inference_mode()
    def draw_gallery(self, train: Images, context: Context, latent_dim: int | None) -> None:
        """Training images redrawn; samples of the prior and ways between them where codes have a prior."""
        real = train.probe(8)
        self._gallery = {"training_reconstructions": torch.stack([real, self.reconstruct(real)])}
        if latent_dim:
            self._gallery |= samples_and_ways(self.generator, latent_dim, context.generator("gallery"))


def samples_and_ways(generator: nn.Module, latent_dim: int, random: torch.Generator) -> dict[str, Tensor]:
    """64 images of z ~ N(0, I), and 8 straight ways of ten steps from one code to another."""
    z = normal_codes(64, latent_dim, random)
    ends = normal_codes(16, latent_dim, random).view(2, 8, 1, -1)
    walk = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, 10, device=z.device).view(1, 10, 1))  # (8, 10, latent_dim)
    return {
        "samples": generator(z).unflatten(0, (8, 8)),
        "interpolation": generator(walk.flatten(0, 1)).unflatten(0, (8, 10)),
    }


def normal_codes(n: int, latent_dim: int, random: torch.Generator) -> Tensor:
    """z ~ N(0, I), ``(n, latent_dim)``, on the generator's device."""
    return torch.randn(n, latent_dim, generator=random, device=random.device)


def residual_map(images: Tensor, redrawn: Tensor) -> Tensor:
    """``(N, C, S, S) -> (N, S, S)``."""
    return (images - redrawn).abs().mean(dim=1)


def mean_square(difference: Tensor) -> Tensor:
    """``(N, ...) -> (N,)``: the mean of squares of each sample, never of the batch."""
    return difference.square().flatten(1).mean(dim=1)
