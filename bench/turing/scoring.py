"""What raters' verdicts come to: accuracy of each and of all, and how far they agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from bench.metrics.resampling import Interval
from bench.turing.agreement import Agreement, agreement
from bench.turing.verdicts import Answer, Verdict, VerdictFile

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """``correct`` of ``n``, with Wilson's interval and the exact two-sided binomial test against one half."""

    correct: int
    n: int
    share: float
    interval: Interval
    p: float

    @classmethod
    def of(cls, correct: int, n: int) -> Share:
        """Raises ``ValueError`` unless 0 <= ``correct`` <= ``n`` and ``n`` > 0."""
        test = binomtest(correct, n, 0.5)
        bounds = test.proportion_ci(LEVEL, method="wilson")
        interval = Interval(float(bounds.low), float(bounds.high), LEVEL, "Wilson")
        return cls(correct, n, correct / n, interval, float(test.pvalue))


@dataclass(frozen=True)
class Figures:
    """Of one rater, or of all verdicts together; ``None`` where no image of that kind was judged."""

    accuracy: Share
    real: Share | None
    """Real images called real."""
    generated: Share | None
    """Generated images called generated."""
    confidence: float
    """Mean, from 1, a guess, to 3, certain."""
    seconds: float
    """Mean per image."""


@dataclass(frozen=True)
class RaterFigures:
    """One rater."""

    rater: str
    judged: int
    of: int
    figures: Figures

    @property
    def is_finished(self) -> bool:
        return self.judged == self.of


@dataclass(frozen=True)
class TuringScore:
    """One quiz, all its raters. ``pooled`` counts every verdict, as if those on one image were independent."""

    quiz: str
    title: str
    raters: tuple[RaterFigures, ...]
    pooled: Figures
    agreement: Agreement | None
    """``None`` with a single rater."""

    @property
    def unfinished(self) -> list[str]:
        return [each.rater for each in self.raters if not each.is_finished]


def score(files: Sequence[VerdictFile]) -> TuringScore:
    """Score the files of one quiz, as ``read_verdicts`` gives them."""
    truth = files[0].truth()
    raters = tuple(
        RaterFigures(file.rater, len(file.verdicts), len(file.images), _figures(file.verdicts, truth)) for file in files
    )
    pooled = _figures([verdict for file in files for verdict in file.verdicts], truth)
    said = [{verdict.image: verdict.verdict for verdict in file.verdicts} for file in files]
    return TuringScore(files[0].quiz, files[0].title, raters, pooled, agreement(said) if len(files) > 1 else None)


def _figures(verdicts: Sequence[Verdict], truth: dict[str, Answer]) -> Figures:
    correct: dict[Answer, list[bool]] = {"real": [], "generated": []}
    for verdict in verdicts:
        correct[truth[verdict.image]].append(verdict.verdict == truth[verdict.image])
    return Figures(
        accuracy=_required(_share([*correct["real"], *correct["generated"]])),
        real=_share(correct["real"]),
        generated=_share(correct["generated"]),
        confidence=_mean(verdict.confidence for verdict in verdicts),
        seconds=_mean(verdict.seconds for verdict in verdicts),
    )


def _share(correct: Sequence[bool]) -> Share | None:
    return Share.of(sum(correct), len(correct)) if correct else None


def _required(share: Share | None) -> Share:
    if share is None:
        raise ValueError("Expected at least one verdict, found none.")
    return share


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
