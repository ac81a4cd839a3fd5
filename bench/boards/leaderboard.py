"""Leaderboards: our records and published figures in one ranking, a board for each set of terms."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import registry
from bench.boards.build import measured_boards, order, published_boards
from bench.boards.measures import AFTER_A_RUN, MEASURES, Measure
from bench.boards.model import Board
from bench.boards.published import PublishedRow, read
from bench.errors import ConfigError, StoreError, unknown_name
from bench.records.record import Record
from bench.records.saved import SavedRun
from bench.records.store import RecordStore

ALL = "all"


@dataclass(frozen=True)
class Known:
    """Everything that boards are made from."""

    runs: tuple[SavedRun, ...]
    failed: tuple[Record, ...]
    published: tuple[PublishedRow, ...]

    @classmethod
    def read(
        cls, store: RecordStore, with_published: bool = True, on_damage: Callable[[StoreError], None] | None = None
    ) -> Known:
        """What a results folder holds, and the published rows; ``on_damage`` is told of unreadable records."""
        records = store.records(on_damage)
        return cls(
            runs=tuple(SavedRun(record) for record in records if record.status == "done" and record.metrics),
            failed=tuple(record for record in records if record.status != "done"),
            published=tuple(read()) if with_published else (),
        )

    @property
    def datasets(self) -> list[str]:
        """Names without their categories."""
        return sorted({run.record.spec.dataset for run in self.runs} | {row.dataset for row in self.published})

    def labels(self) -> set[str]:
        """What may be asked for: ``mnist`` and ``mnist:1``."""
        ours = {name for run in self.runs for name in (run.record.spec.dataset, run.record.spec.dataset_label)}
        return ours | {row.label for row in self.published}


def leaderboard(
    known: Known,
    dataset: str,
    measures: Sequence[Measure] = (MEASURES["auroc"],),
    preset: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Board]:
    """All boards of ``mnist:1``, of ``mnist`` (the mean over its categories) or ``mnist:all`` (each of them).

    Raises ``ConfigError`` with the nearest names where neither a record nor a published row answers, and
    ``StoreError`` where scores are missing or were edited. ``tell`` is told of what takes long.
    """
    boards = boards_there(known, dataset, measures, preset, tell)
    if not boards:
        raise _nothing(known, dataset, measures[0], preset)
    return boards


def boards_there(
    known: Known,
    dataset: str,
    measures: Sequence[Measure],
    preset: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Board]:
    """As ``leaderboard``, and none where nothing answers; raises ``ConfigError`` for a preset of no run at all.

    Of ``mnist:all`` those of the categories that have any: one without the figure or the preset hides no other.
    """
    name, _, category = dataset.partition(":")
    if category == ALL:
        labels = _labels_of(known, name)
        return [board for each in labels for board in boards_there(known, each, measures, preset, tell)]
    runs, categories = runs_asked_for(known, dataset, preset)
    if not category and categories is None and any(run.record.spec.category for run in runs):
        return boards_there(known, f"{name}:{ALL}", measures, preset, tell)
    failed = [r for r in known.failed if r.spec.dataset == name and category in ("", r.spec.category)]
    boards = measured_boards(runs, measures, known.published, categories, failed, tell)
    boards += published_boards(known.published, name, category or None, measures, boards, categories)
    return sorted((board for board in boards if board.rows), key=order)


def runs_asked_for(
    known: Known, dataset: str, preset: str | None = None
) -> tuple[list[SavedRun], tuple[str, ...] | None]:
    """Runs of ``mnist:1`` or ``mnist``; and for the latter the categories that its figures are means over.

    Raises ``ConfigError`` where no run is of that preset.
    """
    name, _, category = dataset.partition(":")
    presets = {run.record.spec.preset for run in known.runs}
    if preset is not None and preset not in presets:
        remedy = f"To run it: bench run --preset {shlex.quote(preset)} …"
        raise unknown_name("preset in these records", preset, presets, remedy)
    runs = [run for run in known.runs if run.record.spec.dataset == name and preset in (None, run.record.spec.preset)]
    if category:
        return [run for run in runs if run.record.spec.category == category], None
    return runs, averaged_categories(known, name)


def after_a_run(records: Sequence[Record]) -> list[Board]:
    """What ends ``bench run``: a board for each data set and category, and one for the mean where all of them ran."""
    runs = [SavedRun(record) for record in records if record.metrics]
    failed = [record for record in records if not record.metrics]
    boards = measured_boards(runs, AFTER_A_RUN, failed=failed)
    known = Known(tuple(runs), (), ())
    for name in known.datasets:
        categories = averaged_categories(known, name)
        if categories and len(categories) > 1 and set(categories) == set(_seen_categories(known, name)):
            boards += measured_boards(runs_asked_for(known, name)[0], AFTER_A_RUN, (), categories)
    return boards


def averaged_categories(known: Known, name: str) -> tuple[str, ...] | None:
    """The categories that the figure of a data set is the mean over; ``None`` where there are none."""
    entry = registry.entries("dataset").get(name)
    if entry:
        return entry.categories if entry.categories and entry.facts.get("categories_are_averaged", True) else None
    return tuple(_seen_categories(known, name)) or None  # its plug-in is not here: those that were run


def _seen_categories(known: Known, name: str) -> list[str]:
    specs = [run.record.spec for run in known.runs]
    return sorted({spec.category for spec in specs if spec.dataset == name and spec.category})


def _labels_of(known: Known, name: str) -> list[str]:
    return sorted(label for label in known.labels() if label.startswith(f"{name}:"))


def _nothing(known: Known, dataset: str, measure: Measure, preset: str | None) -> ConfigError:
    name, _, category = dataset.partition(":")
    labels = _labels_of(known, name) if category == ALL else sorted({dataset} & known.labels())
    if not labels:
        return unknown_dataset(known, dataset)
    runs = [run for label in labels for run in runs_asked_for(known, label, preset)[0]]
    rows = [row for row in known.published if row.ranked and row.label in labels]
    there = {row.metric for row in rows} | {key for run in runs for key in MEASURES if MEASURES[key].read(run.record)}
    what = "no run has maps or masks for it" if runs and measure.is_pixel else "no run and no published row has it"
    under = f" under preset {preset}" if preset else ""
    return ConfigError(f"No {measure.key} of {dataset}{under}: {what}. Known: {', '.join(sorted(there)) or 'none'}.")


def unknown_dataset(known: Known, dataset: str) -> ConfigError:
    """The error for a data set that neither a record nor a published row is of."""
    run = f"To run it: bench run --method … --dataset {dataset}"
    return unknown_name("data set in these records and published rows", dataset, known.labels(), run)
