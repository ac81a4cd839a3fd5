"""One method under examination: fitted once as usual for all checks, and anew for a check that asks for another way."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import Tensor

from bench import registry
from bench.conformance.material import TRAINING_IMAGES, HandedOver, WatchedSample, in_memory, make_split
from bench.contracts import Detector, ImageShape, Scores
from bench.errors import ConfigError
from bench.provenance import usable_cores
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.images import training_images
from bench.training.services import RunContext
from bench.views import View, to_model_input

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Budget:
    """What fields of these names are set to, where they are there, take it, and are not lower already."""

    steps: int
    """Of every field that ends in ``_steps``."""
    sizes: Mapping[str, int | tuple[int, ...]]
    """Of several values the first that the method takes."""


SMALLEST = Budget(3, {"width": 2, "latent_dim": 4, "batch_size": 8, "image_size": (32, 64)})
"""Of the names that ``Detector.checked_with`` states."""
SMALL = Budget(60, {**SMALLEST.sizes, "width": 4, "latent_dim": 8})
"""Enough to tell an anomaly that nobody could miss."""


@dataclass(frozen=True)
class Setting:
    """What a detector is fitted with. ``around`` seeds the global random numbers, which a method must not use."""

    seed: int = 0
    channels: int = 1
    view: str = "resize:32"
    budget: Budget = SMALLEST
    around: int = 0

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.channels} channel(s), --view {self.view}"

    @property
    def shape(self) -> ImageShape:
        return ImageShape(self.channels, View.parse(self.view).size)


@dataclass
class Fitted:
    """A fitted detector, the test images as it takes them, and what it did to its surroundings."""

    detector: Detector[Any]
    setting: Setting
    images: Tensor
    """``(N, C, S, S)``: normal ones first, then as many anomalous ones."""
    looked_at: list[str]
    """What it saw of samples that it must not know; the same list for all detectors of a study."""
    changed: list[str]

    @cached_property
    def answers(self) -> Scores:
        """Of all test images together."""
        return self.score(self.images)

    def score(self, images: Tensor) -> Scores:
        """Of some images."""
        with self.watched():
            return self.detector.score(images.clone())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Whatever the detector does within: its surroundings are looked after and put back."""
        with observed(self.setting.around, self.looked_at, self.changed):
            yield


class Study:
    """Fits a method as often as checks ask for something new.

    Only the usual detector is kept, or the error of fitting it: some of anomalib take more than a gigabyte.
    """

    def __init__(self, method: str, folder: Path) -> None:
        """``folder``: an empty one for checkpoints and weights."""
        self.method, self.folder = method, folder
        self.entry = registry.find("method", method)
        self.cls, self.params_cls = registry.load_method(method)
        self.looked_at: list[str] = []
        self._usual: Fitted | Exception | None = None
        self._fits = 0
        self._latest: Callable[[], Detector[Any] | None] = lambda: None

    @property
    def needs(self) -> str:
        """What must be downloaded before the method can be fitted; empty where it can do without."""
        return "" if self.goes_without else self.cls.needs

    @property
    def goes_without(self) -> bool:
        """Whether it is examined without the downloads that it is made for."""
        return bool(self.cls.needs and self.cls.without_downloads)

    def new(self, budget: Budget) -> Detector[Any]:
        """A detector not yet fitted."""
        return self.cls(registry.make_params(self.method, self.params_cls, self.values(budget)))

    def values(self, budget: Budget) -> dict[str, Any]:
        """Parameters under a budget: those of ``quick``, what the method states, and the budget's names lowered."""
        stated = {**self.cls.checked_with, **(self.cls.without_downloads if self.goes_without else {})}
        chosen = {**self.cls.preset("quick", TRAINING_IMAGES), **stated}
        for key, info in self.params_cls.model_fields.items():
            if key in stated:
                continue
            usual = chosen.get(key, info.default)
            for most in _candidates(budget, key):
                if not (isinstance(usual, int) and 0 < usual <= most) and self._takes(key, most):
                    chosen[key] = most
                    break
        return chosen

    def _takes(self, key: str, value: int) -> bool:
        try:
            registry.make_params(self.method, self.params_cls, {key: value})
        except ConfigError:
            return False
        return True

    def fitted(self, setting: Setting | None = None) -> Fitted:
        """The usual detector, or a new one of that setting; raises what ``fit`` raised, of the usual one each time."""
        if setting not in (None, Setting()):
            return self._fit(setting)
        if self._usual is None:
            try:
                self._usual = self._fit(Setting())
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the check says so
                self._usual = error
        if isinstance(self._usual, Exception):
            raise self._usual
        return self._usual

    def _fit(self, setting: Setting) -> Fitted:
        self._free_what_no_check_holds()
        detector = self.new(setting.budget)
        self._latest = ref(detector)
        self._fits += 1
        split, view = make_split(setting.channels), View.parse(setting.view)
        caches = {name: in_memory(samples, setting.channels) for name, samples in split.parts().items()}
        train, val = (
            HandedOver(training_images(view, caches[name], CPU, mirror=False), split.parts()[name])
            for name in ("train", "val")
        )
        images = to_model_input(np.stack([view.tiles(caches["test"][i])[0] for i in range(len(split.test))]), CPU)
        fitted = Fitted(detector, setting, images, self.looked_at, [])
        with observed(setting.around, fitted.looked_at, fitted.changed):
            detector.fit(train, val, context=self._context(setting))
        return fitted

    def _free_what_no_check_holds(self) -> None:
        """A detector whose parts refer to each other stays in memory until Python looks for such cycles."""
        usual = self._usual.detector if isinstance(self._usual, Fitted) else None
        if self._latest() is not None and self._latest() is not usual:  # a name for it would keep it alive
            gc.collect()

    def _context(self, setting: Setting) -> RunContext:
        folder = self.folder / f"fit-{self._fits}"  # its own: a stage must be trained anew, not read back
        return RunContext(CPU, setting.seed, folder, StageStore(folder / "stages"), {}, _Silent(), StopRequest(), {})


def _candidates(budget: Budget, key: str) -> tuple[int, ...]:
    found = budget.steps if key.endswith("_steps") else budget.sizes.get(key, ())
    return found if isinstance(found, tuple) else (found,)


class _Silent:
    """A reporter of nothing."""

    def say(self, text: str) -> None:
        pass

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[_Silent]:
        yield self

    def update(self, done: int, values: Mapping[str, float] | None = None) -> None:
        pass


@contextmanager
def observed(seed: int, looked_at: list[str], changed: list[str]) -> Iterator[None]:
    """The surroundings of a run, seeded with ``seed``: notes labels looked at and flags changed, and puts all back."""
    states = random.getstate(), np.random.get_state()
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]), WatchedSample.watching() as looks:
        torch.set_num_threads(min(usable_cores(), threads))
        _seed_globally(seed)
        before = {name: read() for name, (read, _) in _FLAGS.items()}
        try:
            yield
        finally:
            looked_at += looks
            changed += _put_back(before)
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_num_threads(threads)


def _seed_globally(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _put_back(before: Mapping[str, Any]) -> list[str]:
    """Restore flags, and tell those that were changed."""
    told = []
    for name, (read, write) in _FLAGS.items():
        if (found := read()) != before[name]:
            told.append(f"{name} was {before[name]}, is {found}")
            write(before[name])
    return told


def _set_cudnn_deterministic(value: bool) -> None:
    torch.backends.cudnn.deterministic = value


def _set_cudnn_benchmark(value: bool) -> None:
    torch.backends.cudnn.benchmark = value


_FLAGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch.is_grad_enabled()": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch.get_default_dtype()": (torch.get_default_dtype, torch.set_default_dtype),
    "torch.get_num_threads()": (torch.get_num_threads, torch.set_num_threads),
    "torch.backends.cudnn.deterministic": (
        lambda: torch.backends.cudnn.deterministic, _set_cudnn_deterministic,
    ),
    "torch.backends.cudnn.benchmark": (lambda: torch.backends.cudnn.benchmark, _set_cudnn_benchmark),
    "torch.are_deterministic_algorithms_enabled()": (
        torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms,
    ),
}  # fmt: skip
