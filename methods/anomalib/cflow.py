"""Cflow in anomalib (Gudovskiy, Ishizaka & Kozuka, WACV 2022): conditional normalising flows of features.

Deviation: anomalib holds the likelihoods p of each layer against the highest of the batch that is being scored, so that
an image's score depends on its company. Here they are held against the highest of the normal training images:

    map = sum over layers of  1 - p / max p(normal)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.contracts import Context, Images, ImageShape

from ._adapter import OptionalBackboneDetector, OptionalBackboneParams, TrainedParams


class Params(TrainedParams, OptionalBackboneParams):
    """As in anomalib."""

    backbone: str = Field("wide_resnet50_2", description="name of the backbone in timm")
    coupling_blocks: int = Field(8, ge=1, description="coupling blocks of each flow")
    condition_vector: int = Field(128, ge=4, description="numbers that tell a position")
    fiber_batch_size: int = Field(64, ge=1, description="positions that a step of the flows looks at together")
    lr: float = Field(1e-4, gt=0, description="Adam's step size")


class LikelihoodMap(nn.Module):
    """In the place of anomalib's ``AnomalyMapGenerator``: the same sum, against likelihoods that do not change."""

    highest: Tensor

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.register_buffer("highest", torch.full((layers,), -torch.inf))
        self.learning = False

    def forward(
        self, distribution: list[Tensor], height: list[int], width: list[int], image_size: tuple[int, int]
    ) -> Tensor:
        """Log likelihoods ``(N * H * W,)`` of each layer -> ``(N, *image_size)``."""
        if self.learning:
            found = torch.stack([values.max() for values in distribution])
            self.highest = torch.maximum(self.highest, found)
        shares = [(values - top).exp() for values, top in zip(distribution, self.highest, strict=True)]
        maps = [1 - p.reshape(-1, 1, h, w) for p, h, w in zip(shares, height, width, strict=True)]
        return torch.stack([interpolate(m, image_size, mode="bilinear", align_corners=True) for m in maps]).sum(0)[:, 0]


class Detector(OptionalBackboneDetector[Params]):
    """Cflow."""

    summary = "Cflow: conditional normalising flows of features (Gudovskiy et al. 2022)"
    needs = "weights of the backbone (wide_resnet50_2) from Hugging Face"
    model_class = "Cflow"
    checked_with: ClassVar[Mapping[str, Any]] = {"backbone": "resnet18"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 64, "training_steps": 20, "coupling_blocks": 2, "fiber_batch_size": 8}
    }

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        super().fit(train, val, context=context)
        likelihoods = self.module.model.anomaly_map_generator
        likelihoods.learning = True
        for batch in train.batches(self.params.batch_size):
            self.score(batch)
        likelihoods.learning = False

    def _make(self, images: ImageShape, from_cache: bool) -> Any:  # noqa: ANN401 - anomalib is imported late
        module = super()._make(images, from_cache)
        module.model.anomaly_map_generator = LikelihoodMap(len(module.model.pool_layers))
        return module
