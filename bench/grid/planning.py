"""What was asked, expanded into runs, each compared with what the store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeVar

from bench import registry
from bench.data.opening import OpenedDataset, chosen, open_dataset
from bench.errors import DataError, StoreError
from bench.grid.request import Request
from bench.grid.specs import SpecMaker
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import Settings
from bench.spec import RunSpec

_MOST_LINES = 8
Each = TypeVar("Each")
State = Literal["done", "new", "stale", "failed", "diverged", "interrupted", "timeout", "damaged", "forced", "blocked"]


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
    """Every run of the request, once; raises ``ConfigError`` before anything is done. Missing data block their runs."""
    methods = _once(name for text in request.methods for name in registry.members("method", text))
    request = replace(request, methods=methods, seeds=_once(request.seeds))
    datasets = _once(pair for text in request.datasets for pair in chosen(text))
    settings = Settings.parse(request.settings, methods, [name for name, _ in datasets])
    specs = SpecMaker.of(request, settings)
    return [run for name, category in datasets for run in _plan_dataset(specs, name, category, store)]


def _once(named: Iterable[Each]) -> list[Each]:
    """In the order in which they were named: ``mnist:1,mnist:all`` names one of them twice."""
    return list(dict.fromkeys(named))


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
