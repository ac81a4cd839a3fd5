"""What is timed: a detector after a window of training, test images, and the three scopes of scoring them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import registry
from bench.contracts import Detector, Sample
from bench.data.opening import OpenedDataset
from bench.images import cached_images, decode
from bench.spec import RunSpec
from bench.timing.clock import Work
from bench.timing.record import TimedLoop
from bench.timing.scopes import ANSWER, FROM_FILE
from bench.timing.training import Counted, CountedImages, WindowContext, counting_updates
from bench.training.images import training_images
from bench.views import View, to_model_input

_READ = 32  # test images that are read in turn


@dataclass(frozen=True)
class Subject:
    """A detector that was fitted for timing, and what it is given."""

    detector: Detector[Any]
    view: View
    samples: Sequence[Sample]
    inputs: Tensor
    """Tiles of test images as the detector takes them, ``(n, C, S, S)`` on the device."""
    channels: int
    device: torch.device
    loops: Sequence[TimedLoop]
    fit_seconds: float
    """Of the cut training."""
    seen: Counted

    def batch(self, n: int) -> Tensor:
        """``n`` tiles; the same again where there are fewer."""
        return self.inputs[torch.arange(n, device=self.device) % len(self.inputs)].contiguous()

    def work(self, scope: str, batch: int) -> Work | None:
        """One call of a scope, a batch of tiles or, from files, of images; ``None`` where the method has no such."""
        if scope == FROM_FILE:
            return self._from_file(batch)
        images = self.batch(batch)
        if scope == ANSWER:
            return lambda: self.detector.score(images)
        if self.detector.network_pass(images[:1]) is None:
            return None
        return lambda: self.detector.network_pass(images)

    @property
    def tiles_per_image(self) -> float:
        """1 but for views of patches."""
        return len(self.inputs) / len(self.samples)

    def parameters(self) -> int:
        """Of all networks that the detector holds, each counted once."""
        found = {id(p): p.numel() for network in networks_of(self.detector) for p in network.parameters()}
        return sum(found.values())

    def state_bytes(self) -> int:
        """All that ``weights`` keeps: parameters, buffers, memory banks."""
        return sum(value.numel() * value.element_size() for value in self.detector.weights().values())

    def _from_file(self, batch: int) -> Work:
        turn = cycle(self.samples)

        def read_and_score() -> None:
            images = [decode(sample, self.channels) for sample in islice(turn, batch)]
            tiles = [self.view.tiles(image) for image in images]
            scores = self.detector.score(torch.cat([to_model_input(each, self.device) for each in tiles]))
            scores.image.cpu()
            if scores.map is None:
                return
            maps = np.split(scores.map.float().cpu().numpy(), np.cumsum([len(each) for each in tiles])[:-1])
            for image, found in zip(images, maps, strict=True):
                self.view.to_native(found, *image.shape[:2])

        return read_and_score


def networks_of(detector: Detector[Any]) -> Iterator[nn.Module]:
    """Modules among the detector's attributes, and one level down in lists and dictionaries."""
    for value in vars(detector).values():
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else [value]
        yield from (module for module in inner if isinstance(module, nn.Module))


def prepare(spec: RunSpec, data: OpenedDataset, device: torch.device) -> Subject:
    """Fit the method in windows of its training, on the data set's own training images."""
    view, channels = View.parse(spec.view), data.dataset.channels
    caches = cached_images(data.split, channels, spec.decoding, lambda done, total: None)
    for cache in caches.values():
        view.require_room(cache.shapes)
    cls, params_cls = registry.load_method(spec.method)
    detector: Detector[Any] = cls(registry.make_params(spec.method, params_cls, dict(spec.params)))
    mirror, counted = data.dataset.mirrored_is_normal, Counted()
    train, val = (training_images(view, caches[part], device, mirror) for part in ("train", "val"))
    context = WindowContext(device, spec.seed, counted)
    with counting_updates(counted), _seconds() as taken:
        detector.fit(CountedImages(train, counted), CountedImages(val, Counted()), context=context)
    test = data.split.test
    read = range(0, len(test), max(1, len(test) // _READ))[:_READ]
    tiles = torch.cat([to_model_input(view.tiles(caches["test"][i]), device) for i in read])
    samples = [test[i] for i in read]
    return Subject(detector, view, samples, tiles, channels, device, context.loops, taken[0], counted)


@contextmanager
def _seconds() -> Iterator[list[float]]:
    taken: list[float] = []
    start = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - start)
