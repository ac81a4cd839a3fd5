"""Principal coordinates: what the classical methods look at in place of pixels.

An image as a vector x of all its pixels is told by k numbers, c = V (x - mean), along the directions in which normal
images differ most; what they leave over, x - mean - V'c, is the residual. Fitted incrementally (scikit-learn's
``IncrementalPCA``; Ross et al., IJCV 2008), 1024 images at a time, so that the images need not fit in memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import IncrementalPCA
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores
from bench.errors import DataError

_IMAGES_AT_A_TIME = 1024
_NO_SPREAD = 1e-6  # singular value: rounding leaves far less, a single grey level in a single pixel far more
Matrix = NDArray[np.float64]


class Coordinates:
    """Mean ``(C*S*S,)`` and orthonormal directions ``(k, C*S*S)``, in float64 on the CPU."""

    def __init__(self, mean: Tensor, directions: Tensor, description: str = "") -> None:
        self.mean, self.directions = mean, directions
        self.description = description
        """How many there are and what they hold, for a reader; empty where they were not fitted here."""

    @classmethod
    def fit(cls, train: Images, components: int) -> Coordinates:
        """At most ``components`` directions: no more than the images can have, or than they need.

        Raises ``DataError`` where the images do not differ.
        """
        most = min(components, train.channels * train.size**2)
        pca = _incremental_pca(train, most)
        used = pca.singular_values_ > max(1e-9 * pca.singular_values_[0], _NO_SPREAD)
        if not used.any():
            raise DataError(
                "Expected normal images that differ from each other, found all of them equal."
                " Add images, or take a view that shows more of them: --view resize:SIZE."
            )
        mean, directions = (torch.from_numpy(found.copy()) for found in (pca.mean_, pca.components_[used]))
        held = pca.explained_variance_ratio_[used].sum()
        return cls(mean, directions, f"{used.sum()} of at most {components}, {held:.1%} of the variance")

    @classmethod
    def restored(cls, weights: Mapping[str, Tensor]) -> Coordinates:
        """From what ``weights`` gave: ``Pixels`` where it gave nothing."""
        return cls(weights["mean"], weights["directions"]) if "directions" in weights else Pixels()

    def weights(self) -> dict[str, Tensor]:
        return {"mean": self.mean, "directions": self.directions}

    def of(self, images: Tensor) -> Tensor:
        """``(N, C, S, S) -> (N, k)``."""
        return (flat(images) - self.mean) @ self.directions.T

    def redraw(self, coordinates: Tensor, like: Tensor) -> Tensor:
        """The nearest images that coordinates can tell, of the shape, type and device of ``like``."""
        return (coordinates @ self.directions + self.mean).view(like.shape).to(like)

    def residual(self, images: Tensor, coordinates: Tensor) -> Tensor:
        """Mean square of what the coordinates leave over, ``(N,)``."""
        return (flat(images) - self.mean - coordinates @ self.directions).square().mean(dim=1)


class Pixels(Coordinates):
    """The pixels themselves in place of principal coordinates: exact, and many."""

    def __init__(self, description: str = "") -> None:
        super().__init__(torch.zeros(1, dtype=torch.float64), torch.zeros(0), description)

    def of(self, images: Tensor) -> Tensor:
        return flat(images)

    def redraw(self, coordinates: Tensor, like: Tensor) -> Tensor:
        return coordinates.view(like.shape).to(like)

    def residual(self, images: Tensor, coordinates: Tensor) -> Tensor:
        return torch.zeros(len(images), dtype=torch.float64)

    def weights(self) -> dict[str, Tensor]:
        return {}


def _incremental_pca(train: Images, most: int) -> IncrementalPCA:
    batches = _large_batches(train, most)
    # The first batch holds more images than ``most``, or all there are. ``len(train)`` would not tell:
    # of crops it counts the places, not the tiles.
    first = next(batches)
    if len(first) < 2:
        raise DataError(f"Expected two or more normal images to find principal components, found {len(first)}.")
    pca = IncrementalPCA(n_components=min(most, len(first) - 1))
    with np.errstate(invalid="ignore"):  # shares of no variance at all, as long as all images seen are equal
        for batch in chain([first], batches):
            pca.partial_fit(batch)
    return pca


def _large_batches(train: Images, fewest: int) -> Iterator[Matrix]:
    """Batches of ``_IMAGES_AT_A_TIME``, the last one larger: none may hold fewer images than directions."""
    size = max(_IMAGES_AT_A_TIME, fewest + 1)
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

    checked_with: ClassVar[Mapping[str, Any]] = {"components": 8}

    @property
    def most_learnt_from(self) -> int | None:
        """Images of which a larger training set is subsampled to; ``None`` for a method that holds any number."""
        return None

    @abstractmethod
    def learn(self, coordinates: Matrix, random: torch.Generator) -> dict[str, Tensor]:
        """What ``distance`` needs, from coordinates ``(N, k)`` of normal images; ``random`` lies on the CPU."""

    @abstractmethod
    def distance(self, coordinates: Tensor) -> Tensor:
        """``(N, k) -> (N,)``: how far from normal, with ``self.learnt``."""

    def prepare(self) -> None:
        """Called when ``self.learnt`` was set, by ``fit`` or by ``restore``."""

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        self.coordinates = self._fitted_coordinates(train)
        known = torch.cat([self.coordinates.of(batch) for batch in train.batches(_IMAGES_AT_A_TIME)])
        chosen = _subsample(known, self.most_learnt_from, context.cpu_generator("subsample"))
        self.learnt = self.learn(chosen.numpy(), context.cpu_generator("learning"))
        self.prepare()
        self._facts = {"coordinates": self.coordinates.description}
        if len(chosen) < len(known):
            self._facts["learnt from"] = f"{len(chosen)} of {len(known)} images, drawn at random"

    def _fitted_coordinates(self, train: Images) -> Coordinates:
        if self.params.components == 0:
            return Pixels(f"all {train.channels * train.size**2} pixels")
        return Coordinates.fit(train, self.params.components)

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        coordinates = self.coordinates.of(images)
        parts = {"residual": self.coordinates.residual(images, coordinates)}
        code = None if isinstance(self.coordinates, Pixels) else coordinates
        return Scores(image=self.distance(coordinates), parts=parts, code=code)

    def weights(self) -> dict[str, Tensor]:
        return {**self.coordinates.weights(), **self.learnt}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.coordinates = Coordinates.restored(weights)
        self.learnt = {name: value for name, value in weights.items() if name not in ("mean", "directions")}
        self.prepare()
        self._facts = {}  # what fitting decided stands in the record of the run that fitted

    def facts(self) -> dict[str, Any]:
        return self._facts


def _subsample(known: Tensor, most: int | None, generator: torch.Generator) -> Tensor:
    if most is None or len(known) <= most:
        return known
    return known[torch.randperm(len(known), generator=generator)[:most].sort().values]
