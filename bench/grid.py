"""Many runs: expand what was asked, compare it with the store, do what is left, collect from the store."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench import registry, spec
from bench.data import OpenedDataset, chosen, open_dataset
from bench.data_roots import Roots
from bench.errors import DataError, StoreError, unknown_name
from bench.precision import FLOAT32
from bench.record import Record
from bench.settings import Settings
from bench.spec import RunSpec
from bench.store import RecordStore
from bench.views import View

if TYPE_CHECKING:
    from bench.executors import Executor
    from bench.jobs import Job
    from bench.progress import Reporter

_MOST_LINES = 8
State = Literal["done", "new", "stale", "failed", "diverged", "interrupted", "timeout", "damaged", "forced", "blocked"]


@dataclass(frozen=True)
class Request:
    """What the user asked for; every combination of method, data set and seed is one run."""

    methods: Sequence[str]
    datasets: Sequence[str]
    seeds: Sequence[int] = (0,)
    preset: str = "standard"
    settings: Sequence[str] = ()
    """``key=value`` or ``plugin.key=value``."""
    view: str | None = None
    data_root: Roots = None
    force: bool = False
    precision: str = FLOAT32


@dataclass(frozen=True)
class PlannedRun:
    """One run, what the store knows of it, and why it is or is not to be done."""

    method: str
    dataset: str
    seed: int
    state: State
    reason: str
    spec: RunSpec | None = None
    data: OpenedDataset | None = None
    note: str = ""
    record: Record | None = None

    @property
    def is_to_do(self) -> bool:
        return self.state not in ("done", "blocked")

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        key, view = (self.spec.key, self.spec.view) if self.spec else (None, None)
        named = {"method": self.method, "dataset": self.dataset, "seed": self.seed, "view": view, "key": key}
        return {**named, "state": self.state, "reason": self.reason}


def plan(request: Request, store: RecordStore) -> list[PlannedRun]:
    """Every run of the request; raises ``ConfigError`` before anything is done. Missing data block their runs."""
    methods = [name for text in request.methods for name in registry.members("method", text)]
    request = replace(request, methods=methods)
    _require_preset(request)
    datasets = [pair for text in request.datasets for pair in chosen(text)]
    settings = Settings.parse(request.settings, methods, [name for name, _ in datasets])
    return [run for name, category in datasets for run in _plan_dataset(request, settings, name, category, store)]


def opened(text: str, settings: Sequence[str], data_root: Roots) -> Iterator[OpenedDataset]:
    """The data set of that name, or each category of ``name:all``; raises ``ConfigError`` or ``DataError``."""
    pairs = chosen(text)
    parsed = Settings.parse(settings, (), [name for name, _ in pairs])
    return (open_dataset(name, category, parsed.of(name), data_root) for name, category in pairs)


def _require_preset(request: Request) -> None:
    for method in request.methods:
        known = [*spec.PRESETS, *registry.load_method(method)[0].published]
        if request.preset not in known:
            raise unknown_name(f"preset of {method}", request.preset, known, f"See: bench list methods {method}.")


def _plan_dataset(
    request: Request, settings: Settings, name: str, category: str | None, store: RecordStore
) -> Iterator[PlannedRun]:
    label = f"{name}:{category}" if category else name
    try:
        data = open_dataset(name, category, settings.of(name), request.data_root)
    except DataError as error:
        for method, seed in _pairs(request):
            registry.find("method", method)
            yield PlannedRun(method, label, seed, "blocked", str(error))
        return
    for method, seed in _pairs(request):
        run = make_spec(method, data, seed, request, settings)
        record, damage = _look_up(run, store)
        state, reason = _state(run, record, store, request.force)
        if damage:
            state, reason = "damaged", damage
        yield PlannedRun(method, label, seed, state, reason, run, data, _adapted(run, request, data), record)


def _look_up(run: RunSpec, store: RecordStore) -> tuple[Record | None, str]:
    """The run's record, or what is wrong with it."""
    try:
        return store.find(run), ""
    except StoreError:
        return None, f"{store.folder_of(run) / 'record.json'} cannot be read; to be done again"


def _pairs(request: Request) -> Iterator[tuple[str, int]]:
    return ((method, seed) for method in request.methods for seed in request.seeds)


def make_spec(method: str, data: OpenedDataset, seed: int, request: Request, settings: Settings) -> RunSpec:
    """The spec of one run, parameters validated and completed with their defaults."""
    cls, params_cls = registry.load_method(method)
    values = {**cls.preset(request.preset, _images_to_learn_from(request, data, method)), **settings.of(method)}
    return RunSpec(
        method=method,
        dataset=data.name,
        category=data.category,
        preset=request.preset,
        view=str(_view(request, data, method)),
        seed=seed,
        params=registry.make_params(method, params_cls, values).model_dump(mode="json"),
        dataset_params=data.dataset.params.model_dump(mode="json"),
        data=data.fingerprint,
        method_code=registry.source_digest(registry.find("method", method).file),
        dataset_code=registry.source_digest(registry.find("dataset", data.name).file),
        referee_code=spec.referee_code(),
        precision=request.precision,
    )


def _images_to_learn_from(request: Request, data: OpenedDataset, method: str) -> int | None:
    return len(data.split.train) if _view(request, data, method).stride is None else None


def _adapted(run: RunSpec, request: Request, data: OpenedDataset) -> str:
    """What a method changed of its preset for want of images, unless the user set it."""
    cls, _ = registry.load_method(run.method)
    images = _images_to_learn_from(request, data, run.method)
    usual, adapted = (cls.preset(request.preset, n) for n in (None, images))
    changes = [f"{k} {v} instead of {usual.get(k)}" for k, v in adapted.items() if run.params[k] == v != usual.get(k)]
    return f"{images} images to learn from: {', '.join(changes)}" if changes else ""


def _view(request: Request, data: OpenedDataset, method: str) -> View:
    published = registry.load_method(method)[0].published.get(request.preset)
    wanted = request.view or (published.view if published else None)
    if wanted:
        return View.parse(wanted)
    view = View.parse(data.dataset.default_view)
    return view.at_size(spec.QUICK_IMAGE_SIZE) if request.preset == "quick" else view


def _state(run: RunSpec, record: Record | None, store: RecordStore, force: bool) -> tuple[State, str]:
    if force:
        return "forced", "asked for with --force"
    if record and record.status == "done":
        return "done", f"finished {record.finished}"
    if record:
        return record.status, f"{record.reason or record.status}; to be tried again"
    versions = store.versions_of(run)
    if versions:
        return "stale", ", ".join(run.changes_since(versions[0].spec)) or "an older record exists"
    return "new", "never run"


def count_states(runs: Sequence[PlannedRun]) -> Counter[str]:
    """How many runs are in each state."""
    return Counter(run.state for run in runs)


def plan_lines(runs: Sequence[PlannedRun]) -> list[str]:
    """What is done and what is left, and why those runs are to be done again that were tried before."""
    left = sum(run.is_to_do for run in runs)
    if len(runs) == 1:
        return [] if left else ["1 of 1 runs are recorded already; --force repeats them."]
    again = [run for run in runs if run.is_to_do and run.state not in ("new", "forced")]
    lines = [f"  {run.state}: {run.method} on {run.dataset}, seed {run.seed}: {_line(run.reason)}" for run in again]
    more = [f"  … and {len(lines) - _MOST_LINES} more: --dry-run"] if len(lines) > _MOST_LINES else []
    return [f"{counts_line(runs)} (--force repeats what is done)", *lines[:_MOST_LINES], *more]


def counts_line(runs: Sequence[PlannedRun]) -> str:
    """``6 runs: 2 done, 3 new, 1 stale; 4 to do``."""
    counts = ", ".join(f"{n} {state}" for state, n in count_states(runs).items())
    return f"{len(runs)} runs: {counts}; {sum(run.is_to_do for run in runs)} to do"


def _line(reason: str) -> str:
    return reason.splitlines()[0]


def execute(
    runs: Sequence[PlannedRun], store: RecordStore, executor: Executor, reporter: Reporter, study: str | None = None
) -> list[Record]:
    """Do what is to be done and return every run's record, as far as there is one.

    Raises ``StoreError`` where the results folder cannot be written. ``study`` is the digest of a ``--config`` file.
    """
    from bench.campaign import Campaign
    from bench.campaign_display import display_for

    for line in plan_lines(runs):
        reporter.say(line)
    store.require_writable()
    make_way(runs, store, reporter)
    jobs = [make_job(run, store, study) for run in runs if run.is_to_do]
    with executor.stopping.listening(), display_for(executor, reporter, len(jobs)) as display:
        performed = Campaign(jobs, store, executor, display).run()
    return [performed.get(record.key, record) for record in collect(runs, store)]


def make_way(runs: Sequence[PlannedRun], store: RecordStore, reporter: Reporter) -> None:
    """Set damaged records aside, and remove what killed processes left of runs that are done.

    Raises ``StoreError`` where the results folder cannot be written.
    """
    from bench.leftovers import tidy

    with store.writing():
        tidy([run.record for run in runs if run.state == "done" and run.record], store)
        for run in runs:
            if run.state == "damaged" and run.spec and (kept := store.set_aside(run.spec)):
                reporter.say(f"  {kept.name}: the damaged record is kept as {kept}")


def make_job(run: PlannedRun, store: RecordStore, study: str | None = None) -> Job:
    """A planned run as it is handed to an executor."""
    import bench.plugins
    from bench.failures import known_before
    from bench.jobs import Job

    assert run.spec and run.data
    job = Job(
        key=run.spec.key,
        spec=run.spec,
        results=store.root.absolute(),
        data_root=run.data.root.absolute() if run.data.root else None,
        plugins=tuple(bench.plugins.added_folders()),
        force=run.state == "forced",
        seen=run.record.mark if run.record else None,
        study=study,
        command=tuple(sys.argv),
        known=known_before(run.data),
        note=run.note,
    )
    return job.with_data(run.data)


def collect(runs: Sequence[PlannedRun], store: RecordStore) -> list[Record]:
    """Records of the planned runs, as far as they exist."""
    found = (store.find_intact(run.spec) for run in runs if run.spec)
    return [record for record in found if record]
