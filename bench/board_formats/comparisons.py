"""Paired comparisons in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.boards.comparison import Comparison, Pair
from bench.boards.ranking import SEPARATED_BELOW
from bench.interval_text import interval_text
from bench.statistics.ranks import Ranks


def comparison_report(comparison: Comparison) -> RenderableType:
    """Figures, every pair, and ranks where there are several data sets."""
    presets = ", ".join(dict.fromkeys(terms.preset for terms in comparison.terms))
    marks = f"  [yellow]({', '.join(comparison.marks)})[/]" if comparison.marks else ""
    head = f"[bold]{escape(comparison.title)}[/], preset {escape(presets)}{marks}"
    ranks = ["", *_ranks_lines(comparison.ranks)] if comparison.ranks else []
    return Group(head, _figures(comparison), "", _pairs(comparison), *_notes(comparison), *ranks)


def _figures(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("data set")
    for method in comparison.methods:
        table.add_column(escape(method), justify="right")
    for place, terms in enumerate(comparison.terms):
        table.add_row(escape(terms.label), *(f"{of[place]:.3f}" for of in comparison.figures))
    return table


def _pairs(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    several = len(comparison.terms) > 1
    for name in (["data set"] if several else []) + ["A", "B"]:
        table.add_column(name, overflow="fold")
    for name in ("A - B", "95 % interval", "p", "p, Holm"):
        table.add_column(name, justify="left" if name == "95 % interval" else "right", no_wrap=True)
    for pair in comparison.pairs:
        label = [escape(pair.dataset)] if several else []
        table.add_row(*label, *_cells(pair), style="bold" if _is_separated(pair) else "")
    return table


def _cells(pair: Pair) -> list[str]:
    found = pair.difference
    interval = "–" if found.degenerate else interval_text(found.interval)
    return [escape(pair.a), escape(pair.b), f"{found.effect:+.3f}", interval, _p(found.p_value), _p(pair.adjusted_p)]


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _is_separated(pair: Pair) -> bool:
    return pair.adjusted_p is not None and pair.adjusted_p < SEPARATED_BELOW


def _notes(comparison: Comparison) -> Iterator[str]:
    better = "higher" if comparison.higher_is_better else "lower"
    tested = sum(pair.adjusted_p is not None for pair in comparison.pairs)
    yield f"bold: separated at 5 % after Holm over {tested} tests; {better} is better"
    for method in dict.fromkeys(p.difference.method for p in comparison.pairs if p.difference.p_value is not None):
        yield f"method  {escape(method)}"
    for pair in comparison.pairs:
        if pair.difference.degenerate:
            yield f"[yellow]–[/]  {escape(f'{pair.a}, {pair.b} on {pair.dataset}: {pair.difference.degenerate}')}"


def _ranks_lines(ranks: Ranks) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("method")
    table.add_column("average rank", justify="right")
    for method, rank in zip(ranks.methods, ranks.average_ranks, strict=True):
        table.add_row(escape(method), f"{rank:.2f}")
    yield table
    difference = f"critical difference {ranks.critical_difference:.2f} (Nemenyi, {ranks.level:.0%})"
    yield f"{difference}, {ranks.datasets} data sets"
    if ranks.p_value is not None:
        yield f"Friedman {ranks.friedman:.2f}, p {_p(ranks.p_value)}"
    for clique in ranks.cliques:
        yield f"not separated  {escape(', '.join(clique))}"
    if ranks.descriptive:
        yield f"[yellow]{escape(ranks.descriptive)}[/]"
