"""Real and generated images of one run, brought to bytes by the same path, so that only their content differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import registry
from bench.contracts import NORMAL, Detector, ImageShape, Sample
from bench.data.roots import Roots
from bench.errors import ConfigError, DataError, PluginError, StoreError
from bench.images import ImageCache, cached_images
from bench.progress import Reporter
from bench.records.record import Record
from bench.records.reopening import reopened
from bench.records.saved import SavedRun
from bench.records.weights import load_weights
from bench.views import Tiles, View, to_bytes, to_model_input

WEIGHTS = "weights.safetensors"
Part = Literal["train", "test"]
_CPU = torch.device("cpu")
_AT_ONCE = 64


@dataclass(frozen=True)
class Material:
    """As many real as generated images ``(n, S, S, C)``, and what real ones must not be torn from."""

    record: Record
    part: Part
    real: Tiles
    generated: Tiles
    real_groups: tuple[str, ...]
    """Patient, volume or part of each real image; its own id where it stands alone."""

    def first(self, n: int) -> Material:
        """``n`` of each kind."""
        return Material(self.record, self.part, self.real[:n], self.generated[:n], self.real_groups[:n])


@dataclass(frozen=True)
class TuringStudy:
    """A run opened for drawing: its detector, and its normal images of one part."""

    record: Record
    part: Part
    detector: Detector[Any]
    samples: tuple[Sample, ...]
    cache: ImageCache
    positions: NDArray[np.int64]
    """Where the normal samples stand in the cache."""
    mirror: bool

    def draw(self, n: int, seed: int) -> Material:
        """``n`` real images, all different, and ``n`` generated ones. Raises ``ConfigError`` or ``DataError``."""
        self.require(n)
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(self.samples))[:n]
        real = self._real(chosen, rng)
        groups = tuple(self.samples[i].group or self.samples[i].id for i in chosen)
        return Material(self.record, self.part, real, self._generated(n, seed), groups)

    def require(self, n: int) -> None:
        """Raise ``DataError`` where there are fewer real images."""
        if n > len(self.samples):
            other = "train" if self.part == "test" else "test"
            raise DataError(
                f"Expected {n} real images for a quiz of {2 * n}, found {len(self.samples)} normal ones in"
                f" '{self.part}'. Take fewer: --n {2 * len(self.samples)}, or look in the other part: --real {other}."
            )

    def _real(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> Tiles:
        view = View.parse(self.record.spec.view)
        tiles = np.stack([_seen(self.cache[int(self.positions[i])], view, rng) for i in chosen])
        if self.mirror:  # training mirrored half of them, so half of the generated ones are
            flipped = rng.random(len(tiles)) < 0.5
            tiles[flipped] = tiles[flipped, :, ::-1]
        return to_bytes(to_model_input(tiles, _CPU))

    @torch.inference_mode()
    def _generated(self, n: int, seed: int) -> Tiles:
        random = torch.Generator().manual_seed(seed)
        counts = [min(_AT_ONCE, n - start) for start in range(0, n, _AT_ONCE)]
        drawn = [_require_drawn(self.record, self.detector.sample(count, random)) for count in counts]
        return to_bytes(torch.cat(drawn))


def open_study(record: Record, part: Part, data_root: Roots, reporter: Reporter) -> TuringStudy:
    """The run's detector and its data. Raises ``ConfigError``, ``StoreError`` or ``DataError``."""
    weights = _weights(record)
    data = reopened(record, data_root)
    detector = _restored(record, weights, data.dataset.channels)
    samples = data.split.parts()[part]
    positions = np.array([i for i, sample in enumerate(samples) if sample.label == NORMAL], dtype=np.int64)
    with reporter.stage("images", sum(map(len, data.split.parts().values()))) as progress:
        caches = cached_images(
            data.split, data.dataset.channels, record.spec.decoding, lambda done, _: progress.update(done)
        )
        progress.update(sum(map(len, caches.values())))
    normal = tuple(samples[i] for i in positions)
    return TuringStudy(record, part, detector, normal, caches[part], positions, data.dataset.mirrored_is_normal)


def _weights(record: Record) -> dict[str, Tensor]:
    run = SavedRun(record)
    if not run.has(WEIGHTS):
        raise StoreError(
            f"{record.folder} ({record.spec.method}, {record.status}) holds no {WEIGHTS}: there is nothing to draw"
            " images from. Give a finished run of a method that generates images."
        )
    return load_weights(run.file(WEIGHTS), "Repeat the run with --force.")


def _restored(record: Record, weights: dict[str, Tensor], channels: int) -> Detector[Any]:
    """The fitted detector on the CPU, asked for one image first: it costs little, and nothing is decoded in vain."""
    cls, params = registry.load_method(record.spec.method)
    detector: Detector[Any] = cls(registry.make_params(record.spec.method, params, dict(record.spec.params)))
    try:
        detector.restore(weights, ImageShape(channels, View.parse(record.spec.view).size), _CPU)
    except (KeyError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"{record.folder}: {record.spec.method} cannot be restored from its weights ({error}). Its code has changed"
            " since the run: repeat it with --force."
        ) from error
    with torch.inference_mode():
        _require_drawn(record, detector.sample(1, torch.Generator().manual_seed(0)))
    return detector


def _require_drawn(record: Record, images: Tensor | None) -> Tensor:
    if images is None:
        raise ConfigError(
            f"{record.spec.method} learns no distribution that images could be drawn from. Methods that can:"
            f" {', '.join(generating_methods())}."
        )
    return images


def generating_methods() -> list[str]:
    """Methods that draw images with their default parameters, as far as they can be imported here."""
    return [name for name, entry in registry.entries("method").items() if not entry.problem and _generates(name)]


def _generates(name: str) -> bool:
    try:
        cls, params = registry.load_method(name)
    except PluginError:
        return False
    if cls.sample is Detector.sample:
        return False
    try:
        return cls(params()).sample(1, torch.Generator()) is not None
    except AttributeError:  # it misses what fitting gives it; one that cannot draw needs nothing to say so
        return True


def _seen(image: NDArray[np.uint8], view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The whole image ``(S, S, C)``, or a crop anywhere in it, as training draws them."""
    if view.stride is None:
        return np.asarray(view.tiles(image)[0])
    y, x = (int(rng.integers(length - view.size + 1)) for length in image.shape[:2])
    return image[y : y + view.size, x : x + view.size]


def labels_of(material: Material) -> NDArray[np.bool_]:
    """``(2 n,)``: true for the generated images, which come after the real ones."""
    return np.repeat([False, True], [len(material.real), len(material.generated)])


def images_of(material: Material) -> Tiles:
    """``(2 n, S, S, C)``: real, then generated."""
    return np.concatenate([material.real, material.generated])


def groups_of(material: Material) -> Sequence[str]:
    """A name for each of the ``2 n`` images; every generated one stands alone."""
    return [
        *(f"real {name}" for name in material.real_groups),
        *(f"generated {i}" for i in range(len(material.generated))),
    ]
