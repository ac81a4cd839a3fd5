"""anomalib's image models under our referee: built as anomalib builds them, trained as it trains them, scored raw.

A file of this folder names one of anomalib's models and its parameters. What they share is here:

* Images go in as anomalib's own pre-processor of the model wants them: colour in [0, 1] (grey three times), resized and
  normalised. ``image_size`` 0 is the size that anomalib takes by default.
* Scores and maps are what the torch module gives. anomalib's post-processor (which clamps), its evaluator and its data
  modules are left out.
* Random numbers are seeded before the model is made, because some draw channels or starting points there.

``cfm`` is left out: it needs depth maps. ``vlm_ad`` is left out: it asks a language model service, for words.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import interpolate

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores
from bench.errors import PluginError

from ._training import as_colour, count_tiles, train
from ._weights import backbones_from

_RANDOM = "random features: the backbone is not pre-trained; a smoke test, not a baseline"
_OURS = {"image_size", "batch_size", "training_steps", "bank_images", "weights"}


class AnomalibParams(contracts.Params):
    """What all of anomalib's models share."""

    smallest_image: ClassVar[int] = 1
    """Pixels that the model needs at least, where ``image_size`` is set."""

    image_size: int = Field(0, ge=0, description="height and width that the model sees; 0: anomalib's default for it")
    batch_size: int = Field(32, ge=1, description="images per step")

    @field_validator("image_size")
    @classmethod
    def _large_enough(cls, size: int) -> int:
        if 0 < size < cls.smallest_image:
            raise ValueError(f"expected 0, or {cls.smallest_image} or more, found {size}")
        return size


class BankParams(AnomalibParams):
    """Models that remember features of normal images."""

    bank_images: int = Field(1000, ge=2, description="normal images remembered; larger sets are subsampled")


class TrainedParams(AnomalibParams):
    """Models that are trained by gradient descent."""

    training_steps: int = Field(5000, ge=1, description="steps, rounded up to whole passes over the training images")


class BackboneParams(contracts.Params):
    """Models with a pre-trained backbone."""

    weights: str = Field("", description="file of the backbone's weights; empty: downloaded, or found in its cache")


class OptionalBackboneParams(BackboneParams):
    """Models whose backbone may also be left untrained."""

    pre_trained: bool = Field(True, description="false: random features, to try the model without any weights")


ParamsT = TypeVar("ParamsT", bound=AnomalibParams)


class AnomalibDetector(contracts.Detector[ParamsT]):
    """One of anomalib's models: ``model_class`` is its name in ``anomalib.models``."""

    model_class: ClassVar[str]
    note: ClassVar[str] = ""
    """What a reader of its figures must know."""

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        bank = getattr(self.params, "bank_images", None)
        with _seeded(context.seed):
            self.module = self._make(ImageShape(train.channels, train.size), from_cache=True)
            with backbones_from("", True, self.needs):  # some fetch weights when training starts
                self._counts = _fit(self.module, train, val, self.params, bank, context)
        for buffer in self.module.model.buffers():
            buffer.data = buffer.contiguous()  # as it comes back from a file: other layouts round otherwise
        self.module.to(context.device).eval().requires_grad_(False)

    @torch.no_grad()
    def score(self, images: Tensor) -> Scores:
        answers = [_answer(self.module(as_colour(chunk))) for chunk in images.split(self.params.batch_size)]
        image = torch.cat([_per_image(score) for score, _ in answers])
        seen = _share_seen(self.module)
        maps = [_as_maps(found, images.shape[-1], seen) for _, found in answers if found is not None]
        return Scores(image=image, map=torch.cat(maps) if maps else None)

    @torch.no_grad()
    def network_pass(self, images: Tensor) -> object:
        return self.module(as_colour(images))

    def weights(self) -> dict[str, Tensor]:
        return dict(self.module.model.state_dict())

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.module = self._make(images, from_cache=False)
        self.module.model.load_state_dict(weights)
        self.module.to(device).eval().requires_grad_(False)

    def facts(self) -> dict[str, Any]:
        used, known = self._counts
        stated = {"caveat": self.note} if self.note else {}
        if getattr(self.params, "pre_trained", True) is False:
            stated["backbone"] = _RANDOM
        if (seen := _share_seen(self.module)) < 1:
            stated["sees"] = f"the central {seen:.0%} of height and width"
        if used < known:
            stated["bank_images"] = f"{used} of {known}, drawn at random"
        return stated

    def arguments(self) -> dict[str, Any]:
        """What the model's constructor takes: the parameters that are not ours."""
        return {name: value for name, value in self.params.model_dump().items() if name not in _OURS}

    def _make(self, images: ImageShape, from_cache: bool) -> Any:  # noqa: ANN401 - anomalib is imported late
        del images  # anomalib resizes to what the model wants
        with _quiet(), backbones_from(getattr(self.params, "weights", ""), from_cache, self.needs):
            model = getattr(_models(), self.model_class)
            size = (self.params.image_size,) * 2 if self.params.image_size else None
            pre_processor = model.configure_pre_processor(image_size=size)
            parts = {"pre_processor": pre_processor, "post_processor": False, "evaluator": False, "visualizer": False}
            return model(**self.arguments(), **parts)


class OptionalBackboneDetector(AnomalibDetector[ParamsT]):
    """A model of ``OptionalBackboneParams``."""

    without_downloads: ClassVar[Mapping[str, Any]] = {"pre_trained": False}


class ZeroShotDetector(AnomalibDetector[ParamsT]):
    """A model that needs no training; its texts or references are set up as Lightning would before a test."""

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        with _seeded(context.seed):
            self.module = self._make(ImageShape(train.channels, train.size), from_cache=True)
            with backbones_from("", True, self.needs):
                self.module.setup("test")
        self.module.to(context.device).eval().requires_grad_(False)
        self._counts = (0, 0)


def _models() -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module("anomalib.models")
    except ImportError as error:
        raise PluginError(
            f"anomalib cannot be imported ({error}). Install it: pip install 'anomalib>=2.7,<2.8'."
        ) from error


def _fit(
    module: Any,  # noqa: ANN401 - anomalib's
    train_images: Images,
    val: Images,
    params: AnomalibParams,
    bank: int | None,
    context: Context,
) -> tuple[int, int]:
    """Images learnt from, and images there were."""
    known = len(train_images) if bank is None else count_tiles(train_images)
    used = known if bank is None else min(bank, known)
    with _quiet():
        train(module, train_images, val, used, params.batch_size, getattr(params, "training_steps", None), context)
    return used, known


def _per_image(score: Tensor) -> Tensor:
    return score.float().reshape(len(score), -1)[:, 0]


def _answer(answer: Any) -> tuple[Tensor, Tensor | None]:  # noqa: ANN401 - anomalib's
    """Score and map, from an ``InferenceBatch`` or, of one model, a pair."""
    if hasattr(answer, "pred_score"):
        return answer.pred_score, answer.anomaly_map
    score, found = answer
    return score, found


def _as_maps(maps: Tensor, size: int, seen: float) -> Tensor:
    """``(N, 1, H, W)`` or ``(N, H, W)`` -> ``(N, size, size)``; what the model does not see gets the lowest value."""
    maps = maps.float().reshape(len(maps), 1, *maps.shape[-2:])
    inner = max(1, round(size * seen))
    before = (size - inner) // 2
    whole = maps.amin(dim=(1, 2, 3))[:, None, None].repeat(1, size, size)
    shrunk = interpolate(maps, size=(inner, inner), mode="bilinear", align_corners=False)[:, 0]
    whole[:, before : before + inner, before : before + inner] = shrunk
    return whole


def _share_seen(module: Any) -> float:  # noqa: ANN401 - anomalib's
    """Side of the centre that a pre-processor crops to, as a share of the image's side."""
    steps = getattr(module.pre_processor.transform, "transforms", [])
    sizes = {type(step).__name__: step.size for step in steps if hasattr(step, "size")}
    return sizes["CenterCrop"][0] / sizes["Resize"][0] if {"CenterCrop", "Resize"} <= sizes.keys() else 1.0


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """anomalib draws from the global generators: seeded here, and left as they were."""
    import random

    import numpy as np

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextmanager
def _quiet() -> Iterator[None]:
    """anomalib's and Lightning's hints are for their own users; deprecations in them are for their authors."""
    import logging

    levels = {name: logging.getLogger(name).level for name in ("lightning.pytorch", "anomalib", "timm")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
