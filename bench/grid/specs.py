"""From a request to the specs of its runs: what hangs on a method or a data set alone is looked up once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import registry, spec
from bench.contracts import Detector, Params
from bench.data.opening import OpenedDataset
from bench.errors import unknown_name
from bench.settings import Settings
from bench.spec import RunSpec
from bench.views import View

if TYPE_CHECKING:
    from bench.grid.request import Request


@dataclass(frozen=True)
class _Method:
    """A method of the request, loaded."""

    name: str
    cls: type[Detector[Any]]
    params: type[Params]
    code: str

    @classmethod
    def load(cls, name: str) -> _Method:
        return cls(name, *registry.load_method(name), registry.source_digest(registry.find("method", name).file))


@dataclass(frozen=True)
class SpecMaker:
    """Makes the specs of a request; ``settings`` are its parsed ones."""

    request: Request
    settings: Settings
    methods: Sequence[_Method]
    referee_code: str

    @classmethod
    def of(cls, request: Request, settings: Settings) -> SpecMaker:
        """Loads every method; raises ``ConfigError`` where one has no such preset, or ``PluginError``."""
        methods = [_Method.load(name) for name in request.methods]
        for method in methods:
            _require_preset(method, request.preset)
        return cls(request, settings, methods, spec.referee_code())

    def of_dataset(self, data: OpenedDataset) -> list[tuple[RunSpec, str]]:
        """For each method the spec with seed 0, parameters validated and completed, and a note; other seeds differ in
        the seed alone.

        The note says what a method changed of its preset for want of images, unless the user set it.
        """
        code = registry.source_digest(registry.find("dataset", data.name).file)
        specs = [(method, self._spec(method, data, code)) for method in self.methods]
        return [(made, self._adapted(method, made, data)) for method, made in specs]

    def _spec(self, method: _Method, data: OpenedDataset, dataset_code: str) -> RunSpec:
        request = self.request
        images = self._images_to_learn_from(method, data)
        values = {**method.cls.preset(request.preset, images), **self.settings.of(method.name)}
        return RunSpec(
            method=method.name,
            dataset=data.name,
            category=data.category,
            preset=request.preset,
            view=str(self._view(method, data)),
            seed=0,
            params=registry.make_params(method.name, method.params, values).model_dump(mode="json"),
            dataset_params=data.dataset.params.model_dump(mode="json"),
            data=data.fingerprint,
            method_code=method.code,
            dataset_code=dataset_code,
            referee_code=self.referee_code,
            precision=request.precision,
        )

    def _adapted(self, method: _Method, made: RunSpec, data: OpenedDataset) -> str:
        images, preset = self._images_to_learn_from(method, data), self.request.preset
        usual, adapted = (method.cls.preset(preset, n) for n in (None, images))
        changed = {key: value for key, value in adapted.items() if made.params[key] == value != usual.get(key)}
        changes = [f"{key} {value} instead of {usual.get(key)}" for key, value in changed.items()]
        return f"{images} images to learn from: {', '.join(changes)}" if changes else ""

    def _images_to_learn_from(self, method: _Method, data: OpenedDataset) -> int | None:
        return self._view(method, data).different(len(data.split.train))

    def _view(self, method: _Method, data: OpenedDataset) -> View:
        published = method.cls.published.get(self.request.preset)
        wanted = self.request.view or (published.view if published else None)
        if wanted:
            return View.parse(wanted)
        view = View.parse(data.dataset.default_view)
        return view.at_size(spec.QUICK_IMAGE_SIZE) if self.request.preset == "quick" else view


def _require_preset(method: _Method, preset: str) -> None:
    known = [*spec.PRESETS, *method.cls.published]
    if preset not in known:
        raise unknown_name(f"preset of {method.name}", preset, known, f"See: bench list methods {method.name}.")
