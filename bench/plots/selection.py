"""Which runs may stand in one figure: the same data, protocol, preset and precision. Anything else is refused, by name.

A method of several parameters has a line for each, named as on a board.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.boards.comparable import SEPARATE, by_configuration, canonical, configuration, differing, newest_version
from bench.boards.naming import row_names
from bench.errors import ConfigError, StoreError, unknown_name
from bench.plots.request import Wanted
from bench.records.record import OWN_MAPS, Record
from bench.records.saved import SavedRun, finished_of, of_dataset, of_methods
from bench.records.store import RecordStore


@dataclass(frozen=True)
class Selection:
    """Runs on one data set, of one protocol, preset and precision; the seeds of each method in ascending order."""

    runs: Mapping[str, Sequence[SavedRun]]
    """Method, with what differs from its preset -> its seeds; methods as asked for, else by name."""
    missing: Sequence[Record] = ()
    """Runs of the same request without a result."""
    older: Sequence[SavedRun] = ()
    """Earlier versions of runs in it, left out."""

    @property
    def first(self) -> SavedRun:
        return next(iter(self.runs.values()))[0]

    @property
    def dataset(self) -> str:
        return self.first.record.spec.dataset_label

    @property
    def dataset_with_marks(self) -> str:
        """``oct-phantom (quick, synthetic)``, or its preset where nothing has to be marked."""
        record = self.first.record
        return f"{self.dataset} ({', '.join(record.marks() or [record.spec.preset])})"

    @property
    def trivial(self) -> list[str]:
        """Methods that are lines to beat."""
        return [name for name, runs in self.runs.items() if runs[0].record.trivial]

    def title(self, method: str) -> str:
        """The method's name as a legend has it."""
        return f"{method} (baseline)" if method in self.trivial else method

    def without_maps(self, what: str) -> ConfigError:
        """The error where none of the runs kept ``what``: each with its reason."""
        lost = [name for name, run in self.firsts.items() if _lost_maps(run)]
        reasons = [f"the maps of {', '.join(lost)} were measured but not kept beside the record"] if lost else []
        if len(lost) < len(self.runs):
            reasons.append("they make none, or the data set has no masks to hold them against")
        return ConfigError(
            f"None of {', '.join(self.runs)} kept {what} of {self.dataset}: {'; else '.join(reasons)}. Name runs made"
            " here, of a method with maps: --method … --preset …"
        )

    @property
    def firsts(self) -> dict[str, SavedRun]:
        """The lowest seed of each method, for figures that show one training."""
        return {name: runs[0] for name, runs in self.runs.items()}

    @cached_property
    def notes(self) -> list[str]:
        """What must stand on the figure itself: the data, how many images, marks, protocol, and what is not there."""
        first = self.first.record
        protocol = [f"Protocol: {first.protocol_name}."] if first.protocol_name else []
        return [f"{self.dataset_with_marks}{_counts_note(first)}.", *protocol, *_missing_note(self.missing)]


def _lost_maps(run: SavedRun) -> bool:
    """Whether it had maps, which its figures are of, and its record was made without them."""
    return run.maps is None and (run.record.spec.preset == OWN_MAPS or run.metrics.pixel is not None)


def _counts_note(record: Record) -> str:
    counts = record.counts
    if counts is None:
        return ""
    groups = f", {counts.test_groups} {record.facts.get('group', 'group')}s" if counts.test_groups else ""
    return f": {counts.test_normal} normal and {counts.test_anomalous} anomalous test images{groups}"


def _missing_note(missing: Sequence[Record]) -> list[str]:
    if not missing:
        return []
    listed = ", ".join(f"{name} seed {r.spec.seed} ({r.status})" for r in missing for name in row_names([r]))
    return [f"Without a result: {listed}."]


Tell = Callable[[StoreError], None]
"""Is told of records that cannot be read, which are then left out; without it they raise ``StoreError``."""


def select(store: RecordStore, wanted: Wanted, on_damage: Tell | None = None) -> Selection:
    """The newest runs of each method; raises ``ConfigError`` where the request would mix what differs."""
    records = store.records(on_damage)
    runs = _asked_for(finished_of(store, records), wanted)
    _require_one(runs, "data sets", lambda run: run.record.spec.dataset_label, "--dataset {}")
    return _comparable(runs, records, wanted)


def select_each(store: RecordStore, wanted: Wanted, on_damage: Tell | None = None) -> dict[str, Selection]:
    """The same for each data set that has such runs, by its label; all of one preset."""
    records = store.records(on_damage)
    runs = _asked_for(finished_of(store, records), wanted)
    _require_one(runs, "presets", lambda run: run.record.spec.preset, "--preset {}")
    labels = sorted({run.record.spec.dataset_label for run in runs})
    parts = {label: [run for run in runs if run.record.spec.dataset_label == label] for label in labels}
    return {label: _comparable(part, records, wanted) for label, part in parts.items()}


def _asked_for(runs: list[SavedRun], wanted: Wanted) -> list[SavedRun]:
    if wanted.dataset:
        asked = [name.strip() for name in wanted.dataset.split(",") if name.strip()]
        runs = list({run.record.key: run for name in asked for run in of_dataset(runs, name)}.values())
    runs = of_methods(runs, wanted.methods) if wanted.methods else sorted(runs, key=lambda run: run.record.spec.method)
    for what, value, of in (
        ("preset", wanted.preset, lambda run: run.record.spec.preset),
        ("view", wanted.view, lambda run: run.record.spec.view),
        ("precision", wanted.precision, lambda run: run.record.spec.precision),
    ):
        runs = _with(runs, what, value, of) if value is not None else runs
    return _with_seeds(runs, wanted.seeds) if wanted.seeds else runs


def _with(runs: list[SavedRun], what: str, value: str, of: Callable[[SavedRun], str]) -> list[SavedRun]:
    known = {of(run) for run in runs}
    if value not in known:
        raise unknown_name(f"{what} in these records", value, known, "Other runs are made with: bench run …")
    return [run for run in runs if of(run) == value]


def _with_seeds(runs: list[SavedRun], seeds: Sequence[int]) -> list[SavedRun]:
    for method in dict.fromkeys(run.record.spec.method for run in runs):
        there = {run.record.spec.seed for run in runs if run.record.spec.method == method}
        absent = sorted(set(seeds) - there)
        if absent:
            label = runs[0].record.spec.dataset_label
            raise ConfigError(
                f"Expected seeds {_listed(seeds)} of {method}, found {_listed(sorted(there))}. To run the others:"
                f" bench run --method {method} --dataset {label} --seeds {','.join(map(str, absent))} …"
            )
    return [run for run in runs if run.record.spec.seed in seeds]


def _comparable(runs: Sequence[SavedRun], records: Iterable[Record], wanted: Wanted) -> Selection:
    """Checks in the order in which a user can settle them; runs on other data are no older versions of these."""
    _require_one(runs, "presets", lambda run: run.record.spec.preset, "--preset {}")
    _require_one(runs, "precisions", lambda run: run.record.spec.precision, "--precision {}")
    _require_same_rules(runs)
    by_name: dict[str, list[SavedRun]] = {}
    for method in dict.fromkeys(run.record.spec.method for run in runs):
        own = [run for run in runs if run.record.spec.method == method]
        _require_one(own, f"views of {method}", lambda run: run.record.spec.view, "--view {}")
        by_name |= _named(own)
    kept = [run for found in by_name.values() for run in found]
    _require_one(kept, "versions of the protocol", lambda run: f"version {run.record.spec.protocol}")
    _require_one(kept, "versions of the data", lambda run: run.record.spec.data[:12])
    return Selection(by_name, _missing(records, kept, wanted), [run for run in runs if run not in kept])


Rules = tuple[str, str]
"""What decides which images stand in which part: the protocol's name and the data set's parameters, as JSON."""


def _rules(record: Record) -> Rules:
    return record.protocol_name, canonical(record.spec.dataset_params)


def _require_same_rules(runs: Sequence[SavedRun]) -> None:
    rules = sorted({_rules(run.record) for run in runs})
    several = len({protocol for protocol, _ in rules}) > 1
    params = differing([params for _, params in rules])
    words = {
        each: ", ".join(part for part in (each[0] if several else "", text) if part)
        for each, text in zip(rules, params, strict=True)
    }
    what = "protocols" if several else "parameters of the data set"
    _require_one(runs, what, lambda run: words[_rules(run.record)], otherwise=SEPARATE)


def _named(runs: Sequence[SavedRun]) -> dict[str, list[SavedRun]]:
    """Runs of one method and view: the newest version of each configuration, by the name that a board gives it."""
    newest = [newest_version(versions) for versions in by_configuration(runs).values()]
    return dict(zip(row_names([found[0].record for found in newest]), newest, strict=True))


def _require_one(
    runs: Iterable[SavedRun],
    what: str,
    of: Callable[[SavedRun], str],
    option: str = "",
    otherwise: str = "repeat the others: bench run …",
) -> None:
    """Raise ``ConfigError`` naming the values and the runs that have each, unless there is but one.

    ``option`` chooses a value; where none does, a list of methods may, and ``otherwise`` says what helps in any case.
    """
    found: dict[str, list[SavedRun]] = {}
    for run in runs:
        found.setdefault(of(run), []).append(run)
    if len(found) < 2:
        return
    listed = "\n".join(
        f"  {value}: {_listed(dict.fromkeys(r.name for r in of_it), between='; ')}" for value, of_it in found.items()
    )
    chosen = [option.format(shlex.quote(value)) for value in found] if option else _methods_of(found)
    how = [f"Choose: {' or '.join(chosen)}."] if chosen else []
    how += [] if option else [f"Or {otherwise}." if how else f"{otherwise[0].upper()}{otherwise[1:]}."]
    raise ConfigError(f"One figure does not mix {what}; these records have {len(found)}:\n{listed}\n{' '.join(how)}")


def _methods_of(found: Mapping[str, Sequence[SavedRun]]) -> list[str]:
    """Options that choose one value each; none where a method has runs of several."""
    methods = [list(dict.fromkeys(run.record.spec.method for run in runs)) for runs in found.values()]
    every = [name for of_one in methods for name in of_one]
    return [f"--method {','.join(of_one)}" for of_one in methods] if len(every) == len(set(every)) else []


def _listed(items: Iterable[object], most: int = 4, between: str = ", ") -> str:
    names = [str(item) for item in items]
    return between.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _missing(records: Iterable[Record], kept: Sequence[SavedRun], wanted: Wanted) -> list[Record]:
    """Runs that belong beside ``kept``, ended without a result and were not repeated since."""
    views = {run.record.spec.method: run.record.spec.view for run in kept}
    answered = {_question(run.record) for run in kept}
    return [
        record
        for record in records
        if record.status != "done"
        and _terms(record) == _terms(kept[0].record)
        and record.spec.view == (wanted.view or views.get(record.spec.method, record.spec.view))
        and (not wanted.methods or record.spec.method in wanted.methods)
        and (not wanted.seeds or record.spec.seed in wanted.seeds)
        and _question(record) not in answered
    ]


def _terms(record: Record) -> tuple[str, ...]:
    return (record.spec.dataset_label, record.spec.preset, record.spec.precision, *_rules(record))


def _question(record: Record) -> tuple[object, ...]:
    """Runs that differ in nothing here are versions of one another."""
    return (*configuration(record), record.spec.seed)
