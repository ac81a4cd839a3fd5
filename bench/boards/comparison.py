"""Methods compared in pairs on the same test images, on one data set or several."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bench.boards.build import comparable_entrants
from bench.boards.comparable import SEPARATE, Terms, differing
from bench.boards.leaderboard import Known, runs_asked_for, unknown_dataset
from bench.boards.measured import Entrant
from bench.boards.measures import Measure
from bench.boards.paired import difference
from bench.boards.shared_images import sets_of_images
from bench.errors import ConfigError, DataError, unknown_name
from bench.statistics import Difference, holm

if TYPE_CHECKING:
    from bench.statistics.ranks import Ranks


@dataclass(frozen=True)
class Pair:
    """One comparison; ``difference.effect`` is the figure of ``a`` less that of ``b``."""

    dataset: str
    a: str
    b: str
    difference: Difference
    adjusted_p: float | None
    """After Holm over all pairs and data sets of the request."""


@dataclass(frozen=True)
class Comparison:
    """All pairs on all data sets, and ranks where there are several."""

    metric: str
    title: str
    higher_is_better: bool
    methods: tuple[str, ...]
    terms: tuple[Terms, ...]
    """Of each data set."""
    figures: tuple[tuple[float, ...], ...]
    """``(methods, data sets)``."""
    pairs: tuple[Pair, ...]
    ranks: Ranks | None

    @property
    def marks(self) -> tuple[str, ...]:
        """Of any data set: they must stand wherever a figure is shown."""
        return tuple(dict.fromkeys(mark for terms in self.terms for mark in terms.marks))

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self) | {"datasets": [terms.label for terms in self.terms], "marks": self.marks}


def compare(
    known: Known, methods: Sequence[str], datasets: str, measures: Sequence[Measure], preset: str | None = None
) -> Comparison:
    """Compare two or more methods, named as on the leaderboard, on each data set of a list.

    Raises ``ConfigError`` where names are unknown or a data set was run on several terms, and ``DataError`` where the
    test images differ.
    """
    measure, names = measures[0], list(dict.fromkeys(methods))
    if len(names) < 2:
        raise ConfigError(
            f"Expected two or more different methods, with blanks between, found '{' '.join(methods) or 'none'}'."
        )
    found = [_entrants(known, names, label, measure, preset) for label in _labels(known, datasets)]
    terms, entrants = [terms for terms, _ in found], [entrants for _, entrants in found]
    asked = [(t.label, a, b, of) for t, of in zip(terms, entrants, strict=True) for a, b in combinations(names, 2)]
    pairs = [(label, a, b, _difference(of[a], of[b], measure, len(asked))) for label, a, b, of in asked]
    adjusted = holm([pair[3].p_value for pair in pairs])
    figures = tuple(tuple(_figure(of[name], measure) for of in entrants) for name in names)
    return Comparison(
        metric=measure.key,
        title=measure.title,
        higher_is_better=measure.higher_is_better,
        methods=tuple(names),
        terms=tuple(terms),
        figures=figures,
        pairs=tuple(Pair(*pair, p) for pair, p in zip(pairs, adjusted, strict=True)),
        ranks=_ranks(figures, names, terms, measure) if len(terms) > 1 else None,
    )


def _difference(a: Entrant, b: Entrant, measure: Measure, comparisons: int) -> Difference:
    return difference(a.runs, b.runs, measure, shared_images=a.shared_images, comparisons=comparisons)


def _labels(known: Known, datasets: str) -> list[str]:
    """``mnist:all`` becomes each category that was run."""
    labels: dict[str, None] = {}
    for text in (part.strip() for part in datasets.split(",") if part.strip()):
        name, _, category = text.partition(":")
        ours = sorted({r.record.spec.dataset_label for r in known.runs if r.record.spec.dataset == name})
        labels |= dict.fromkeys(ours if category == "all" and ours else [text])
    return list(labels)


def _entrants(
    known: Known, names: Sequence[str], label: str, measure: Measure, preset: str | None
) -> tuple[Terms, Mapping[str, Entrant]]:
    """The one set of terms under which all methods were run."""
    runs, categories = runs_asked_for(known, label, preset)
    if not runs:
        raise unknown_dataset(known, label)
    boards = [(terms, _by_name(of)) for terms, of in comparable_entrants(runs, measure, categories)]
    everybody = sorted({name for _, of in boards for name in of})
    for name in names:
        if name not in everybody:
            raise _unknown(name, everybody, label)
    complete = [(terms, of) for terms, of in boards if all(name in of for name in names)]
    if len(complete) != 1:
        raise ConfigError(_which_terms(names, label, complete or boards, bool(complete)))
    terms, of = complete[0]
    for name in names:
        if of[name].missing:
            raise DataError(
                f"{name} on {label}: no run of {', '.join(of[name].missing)}. Run them, or compare categories."
            )
        if of[name].cell(measure, with_bounds=False) is None:
            raise ConfigError(f"{name} on {label} has no {measure.title}: its runs have no maps, or the data no masks.")
    return terms, of


def _by_name(entrants: Sequence[Entrant]) -> dict[str, Entrant]:
    """By the row's whole name, and by the method's alone where it has one row."""
    methods = [entrant.first.record.spec.method for entrant in entrants]
    alone = {m: e for m, e in zip(methods, entrants, strict=True) if methods.count(m) == 1}
    return alone | {entrant.name: entrant for entrant in entrants}


def _unknown(name: str, everybody: Sequence[str], label: str) -> ConfigError:
    several = [known for known in everybody if known.startswith(f"{name} (")]
    if several:
        return ConfigError(f"{name} was run in several ways on {label}. Name one: {', '.join(map(repr, several))}.")
    return unknown_name(f"method in the records of {label}", name, everybody, f"To run it: bench run --method {name} …")


def _which_terms(
    names: Sequence[str], label: str, boards: Sequence[tuple[Terms, Mapping[str, Entrant]]], is_ambiguous: bool
) -> str:
    listed = "\n  ".join(
        f"{words}: {', '.join(sorted(of))}" for words, (_, of) in zip(_in_words(boards), boards, strict=True)
    )
    what = "were run on several terms" if is_ambiguous else "were never run on the same terms"
    remedy = _how_to_choose([terms.preset for terms, _ in boards]) if is_ambiguous else _RUN_MISSING
    return f"{', '.join(names)} {what} on {label}, which are never mixed:\n  {listed}\n{remedy}"


_RUN_MISSING = "Run what is missing on the terms of one of them: bench run with its --preset, --data-root and --set."


def _how_to_choose(presets: Sequence[str]) -> str:
    """``--preset`` where it leaves one board, and what helps where it leaves several."""
    alone = [f"--preset {shlex.quote(preset)}" for preset in presets if presets.count(preset) == 1]
    if not alone:
        return f"No option tells them apart: {SEPARATE}."
    left = f" For the others, {SEPARATE}." if len(alone) < len(presets) else ""
    return f"Choose: {' or '.join(alone)}.{left}"


def _in_words(boards: Sequence[tuple[Terms, object]]) -> list[str]:
    """What each board's runs agree in; of the data set's parameters those that differ."""
    several = [terms for terms, _ in boards]
    params = differing([terms.dataset_params for terms in several])
    return [", ".join(filter(None, _parts(terms, own))) for terms, own in zip(several, params, strict=True)]


def _parts(terms: Terms, params: str) -> tuple[str, ...]:
    files = f"files {terms.data[:8]}" if terms.data else "files of each category"
    marks = [mark for mark in terms.marks if mark != terms.preset]
    return (f"preset {terms.preset}", *marks, f"{terms.protocol} (version {terms.protocol_version})", params, files)


def _figure(entrant: Entrant, measure: Measure) -> float:
    cell = entrant.cell(measure, with_bounds=False)
    assert cell
    return cell.value


def _ranks(
    figures: Sequence[Sequence[float]], methods: Sequence[str], terms: Sequence[Terms], measure: Measure
) -> Ranks:
    from bench.statistics.ranks import rank_methods

    sign, labels = 1 if measure.higher_is_better else -1, [each.label for each in terms]
    signed = [[sign * value for value in of] for of in figures]
    return rank_methods(signed, methods, labels, image_sets=sets_of_images(labels))
