"""Principal coordinates: what the classical methods look at in place of pixels.

An image as a vector x of all its pixels is told by k numbers, c = V (x - mean), along the directions in which normal
images differ most; what they leave over, x - mean - V'c, is the residual. Fitted incrementally (scikit-learn's
``IncrementalPCA``; Ross et al., IJCV 2008), 1024 images at a time, so that the images need not fit in memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import IncrementalPCA
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores

_IMAGES_AT_A_TIME = 1024
Matrix = NDArray[np.float64]


class Coordinates:
    """Mean ``(C*S*S,)`` and orthonormal directions ``(k, C*S*S)``, in float64 on the CPU."""

    def __init__(self, mean: Tensor, directions: Tensor, explained: float = 1.0) -> None:
        self.mean, self.directions = mean, directions
        self.explained = explained
        """Share of the variance of the training images that the coordinates hold."""

    @classmethod
    def fit(cls, train: Images, components: int) -> Coordinates:
        """At most ``components`` directions: no more than the images can have, or than they need."""
        pca = IncrementalPCA(n_components=min(components, len(train) - 1, train.channels * train.size**2))
        for batch in _large_batches(train, pca.n_components):
            pca.partial_fit(batch)
        used = pca.singular_values_ > 1e-9 * pca.singular_values_[0]
        return cls(
            torch.from_numpy(pca.mean_.copy()),
            torch.from_numpy(pca.components_[used].copy()),
            float(pca.explained_variance_ratio_.sum()),
        )

    def of(self, images: Tensor) -> Tensor:
        """``(N, C, S, S) -> (N, k)``."""
        return (flat(images) - self.mean) @ self.directions.T

    def redraw(self, coordinates: Tensor, like: Tensor) -> Tensor:
        """The nearest images that coordinates can tell, of the shape, type and device of ``like``."""
        return (coordinates @ self.directions + self.mean).view(like.shape).to(like)

    def residual(self, images: Tensor, coordinates: Tensor) -> Tensor:
        """Mean square of what the coordinates leave over, ``(N,)``."""
        return (flat(images) - self.mean - coordinates @ self.directions).square().mean(dim=1)


def _large_batches(train: Images, fewest: int) -> Iterator[Matrix]:
    """Batches of ``_IMAGES_AT_A_TIME``, the last one larger: none may hold fewer images than directions."""
    size = max(_IMAGES_AT_A_TIME, fewest)
    waiting: Matrix | None = None
    for batch in train.batches(size):
        new = flat(batch).numpy()
        if waiting is not None and len(new) < size:
            new, waiting = np.concatenate([waiting, new]), None
        if waiting is not None:
            yield waiting
        waiting = new
    if waiting is not None:
        yield waiting


def flat(images: Tensor) -> Tensor:
    """``(N, C, S, S) -> (N, C*S*S)`` in float64 on the CPU."""
    return images.flatten(1).double().cpu()


class CoordinateParams(contracts.Params):
    """What all methods on principal coordinates share."""

    components: int = Field(64, ge=1, description="principal coordinates of an image; fewer where images are few")


ParamsT = TypeVar("ParamsT", bound=CoordinateParams)


class CoordinateDetector(contracts.Detector[ParamsT]):
    """Outliers among principal coordinates: ``learn`` sees those of normal images, ``distance`` judges."""

    @property
    def most_learnt_from(self) -> int | None:
        """Images of which a larger training set is subsampled to; ``None`` for a method that holds any number."""
        return None

    @abstractmethod
    def learn(self, coordinates: Matrix, seed: int) -> dict[str, Tensor]:
        """What ``distance`` needs, from coordinates ``(N, k)`` of normal images."""

    @abstractmethod
    def distance(self, coordinates: Tensor) -> Tensor:
        """``(N, k) -> (N,)``: how far from normal, with ``self.learnt``."""

    def prepare(self) -> None:
        """Called when ``self.learnt`` was set, by ``fit`` or by ``restore``."""

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.coordinates = Coordinates.fit(train, self.params.components)
        known = torch.cat([self.coordinates.of(batch) for batch in train.batches(_IMAGES_AT_A_TIME)])
        chosen = _subsample(known, self.most_learnt_from, context.cpu_generator("subsample"))
        self.learnt = self.learn(chosen.numpy(), context.seed)
        self.prepare()
        self._counts = (len(chosen), len(known))

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        coordinates = self.coordinates.of(images)
        parts = {"residual": self.coordinates.residual(images, coordinates)}
        return Scores(image=self.distance(coordinates), parts=parts)

    def weights(self) -> dict[str, Tensor]:
        return {"mean": self.coordinates.mean, "directions": self.coordinates.directions, **self.learnt}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.coordinates = Coordinates(weights["mean"], weights["directions"])
        self.learnt = {name: value for name, value in weights.items() if name not in ("mean", "directions")}
        self.prepare()

    def facts(self) -> dict[str, Any]:
        kept, explained = len(self.coordinates.directions), self.coordinates.explained
        stated = {"coordinates": f"{kept} of at most {self.params.components}, {explained:.1%} of the variance"}
        learnt, known = self._counts
        return stated if learnt == known else {**stated, "learnt from": f"{learnt} of {known} images, drawn at random"}


def _subsample(known: Tensor, most: int | None, generator: torch.Generator) -> Tensor:
    if most is None or len(known) <= most:
        return known
    return known[torch.randperm(len(known), generator=generator)[:most].sort().values]
