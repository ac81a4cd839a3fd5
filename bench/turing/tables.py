"""Quizzes and their scores in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.interval_text import interval_text
from bench.turing.scoring import Figures, Share, TuringScore

if TYPE_CHECKING:
    from bench.turing.agreement import Agreement
    from bench.turing.classifier import ClassifierResult
    from bench.turing.making import MadeQuiz

_COLUMNS = ("accuracy", "95 % interval", "p", "real", "generated", "confidence", "seconds")


def made_report(made: MadeQuiz) -> RenderableType:
    """Where the quiz lies, what is in it, and how classifiers did."""
    quiz, marks = made.quiz, ", ".join(made.quiz.marks)
    half = len(quiz.images) // 2
    return Group(
        f"[bold]{escape(quiz.title)}[/]" + (f"  [yellow]({escape(marks)})[/]" if marks else ""),
        f"quiz        {escape(str(made.file))}  (id {quiz.id})",
        f"images      {half} generated, {half} real: {escape(quiz.real)}",
        *_classifier_lines(made.classifiers, made.classified),
        "next        open the page; score what raters save: bench turing score turing-*.json",
    )


def _classifier_lines(found: list[ClassifierResult], each: int) -> list[str]:
    if not found:
        return ["classifiers none: fewer than two groups of real images"]
    return [
        f"classifiers {each} of each kind, cross-validated, groups kept whole",
        *(f"  {one.name}: {_accuracy(one.accuracy)}" for one in found),
        "  above one half, the images differ; at one half, they need not be alike",
    ]


def _accuracy(share: Share) -> str:
    return f"accuracy {share.share:.3f} ({interval_text(share.interval)}), p {_p(share.p)}"


def score_report(score: TuringScore) -> RenderableType:
    """A row for each rater and one for all verdicts."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("rater", overflow="fold")
    table.add_column("images", justify="right")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "95 % interval" else "right", no_wrap=True)
    for rater in score.raters:
        table.add_row(escape(rater.rater), f"{rater.judged} of {rater.of}", *_cells(rater.figures))
    if len(score.raters) > 1:
        table.add_row("all", str(score.pooled.accuracy.n), *_cells(score.pooled), style="bold")
    return Group(f"[bold]{escape(score.title)}[/], quiz {escape(score.quiz)}", table, *_notes(score))


def _cells(figures: Figures) -> list[str]:
    accuracy = figures.accuracy
    shares = [_share(figures.real), _share(figures.generated)]
    means = [f"{figures.confidence:.2f}", f"{figures.seconds:.1f}"]
    return [f"{accuracy.share:.3f}", interval_text(accuracy.interval), _p(accuracy.p), *shares, *means]


def _notes(score: TuringScore) -> list[str]:
    notes = [
        "real, generated: share of such images that were called so; confidence: mean, 1 a guess to 3 certain",
        "interval: Wilson; p: exact binomial test against one half, two-sided",
    ]
    if len(score.raters) > 1:
        notes.append(
            "all: as if verdicts on one image were independent; where raters fall for the same ones, too narrow"
        )
    if score.agreement:
        notes.append(_agreement(score.agreement))
    if score.unfinished:
        notes.append(
            f"unfinished: {len(score.unfinished)} ({escape(', '.join(score.unfinished))}); what they judged counts"
        )
    return notes


def _agreement(found: Agreement) -> str:
    value = f"not defined: {found.undefined}" if found.value is None else f"{found.value:.3f}"
    return f"{found.name}: {value}, on {found.images} images that all judged"


def _share(share: Share | None) -> str:
    return f"{share.share:.3f}" if share else "none"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
