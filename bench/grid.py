"""Many runs: expand what was asked, compare it with the store, do what is left, collect from the store."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from bench import registry
from bench.data import OpenedDataset, chosen, open_dataset
from bench.data_roots import Roots
from bench.errors import DataError, StoreError
from bench.planned_specs import SpecMaker
from bench.precision import FLOAT32
from bench.record import Record
from bench.settings import Settings
from bench.spec import RunSpec
from bench.store import RecordStore

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
    datasets = [pair for text in request.datasets for pair in chosen(text)]
    settings = Settings.parse(request.settings, methods, [name for name, _ in datasets])
    specs = SpecMaker.of(request, settings)
    return [run for name, category in datasets for run in _plan_dataset(specs, name, category, store)]


def opened(text: str, settings: Sequence[str], data_root: Roots) -> Iterator[OpenedDataset]:
    """The data set of that name, or each category of ``name:all``; raises ``ConfigError`` or ``DataError``."""
    pairs = chosen(text)
    parsed = Settings.parse(settings, (), [name for name, _ in pairs])
    return (open_dataset(name, category, parsed.of(name), data_root) for name, category in pairs)


def _plan_dataset(specs: SpecMaker, name: str, category: str | None, store: RecordStore) -> Iterator[PlannedRun]:
    label, request = f"{name}:{category}" if category else name, specs.request
    try:
        data = open_dataset(name, category, specs.settings.of(name), request.data_root)
    except DataError as error:
        for method, seed in _pairs(request):
            yield PlannedRun(method, label, seed, "blocked", str(error))
        return
    for of_method, note in specs.of_dataset(data):
        beside = _Beside(store, of_method)
        for run in (replace(of_method, seed=seed) for seed in request.seeds):
            record, damage = _look_up(run, store)
            state, reason = _state(run, record, beside, request.force)
            if damage:
                state, reason = "damaged", damage
            yield PlannedRun(run.method, label, run.seed, state, reason, run, data, note, record)


def _look_up(run: RunSpec, store: RecordStore) -> tuple[Record | None, str]:
    """The run's record, or what is wrong with it."""
    try:
        return store.find(run), ""
    except StoreError:
        return None, f"{store.folder_of(run) / 'record.json'} cannot be read; to be done again"


def _pairs(request: Request) -> Iterator[tuple[str, int]]:
    return ((method, seed) for method in request.methods for seed in request.seeds)


@dataclass(frozen=True)
class _Beside:
    """Records of the data set and method of a spec, read once for all of its seeds and only where one is asked for."""

    store: RecordStore
    spec: RunSpec

    @cached_property
    def records(self) -> list[Record]:
        return self.store.beside(self.spec)

    def versions_of(self, run: RunSpec) -> list[Record]:
        """Records of the same question under another key, newest first."""
        same = [record for record in self.records if record.spec.question() == run.question() and record.key != run.key]
        return sorted(same, key=lambda record: record.finished, reverse=True)


def _state(run: RunSpec, record: Record | None, beside: _Beside, force: bool) -> tuple[State, str]:
    if force:
        return "forced", "asked for with --force"
    if record and record.status == "done":
        return "done", f"finished {record.finished}"
    if record:
        return record.status, f"{record.reason or record.status}; to be tried again"
    versions = beside.versions_of(run)
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
