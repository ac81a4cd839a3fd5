"""Timings in files: Markdown, LaTeX, CSV and JSON, a row for each method."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from bench.board_formats import latex, markdown
from bench.errors import unknown_name
from bench.timing.record import Timing
from bench.timing.sheet import figure_text, figures_of, heading, notes

Writer = Callable[[Sequence[Timing]], str]


def writer(name: str) -> Writer:
    """The writer of a format; raises ``ConfigError`` with the nearest names."""
    writers: dict[str, Writer] = {"markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json}
    if name not in writers:
        raise unknown_name("format of timings", name, ["terminal", *writers], "")
    return writers[name]


def _words(timings: Sequence[Timing]) -> tuple[list[str], list[list[str]]]:
    figures = figures_of(timings)
    rows = [
        [timing.spec.method, *(figure_text(timing.spread(figure.read), figure) for figure in figures)]
        for timing in timings
    ]
    return ["method", *(figure.title for figure in figures)], rows


def _markdown(timings: Sequence[Timing]) -> str:
    header, rows = _words(timings)
    lines = [
        f"## {markdown.escape(heading(timings))}",
        "",
        _line(header),
        _line(["---", *["---:"] * (len(header) - 1)]),
    ]
    lines += [_line(map(markdown.escape, row)) for row in rows]
    lines += ["", *(f"* {markdown.escape(label)}: {markdown.escape(text)}" for label, text in notes(timings))]
    return "\n".join(lines) + "\n"


def _line(cells: Any) -> str:  # noqa: ANN401 - strings
    return f"| {' | '.join(cells)} |"


def _latex(timings: Sequence[Timing]) -> str:
    """Methods side by side: a table of booktabs that fits a page."""
    header, rows = _words(timings)
    lines = [latex.HEAD.rstrip(), r"\begin{table}", r"\centering", rf"\caption{{{latex.escape(heading(timings))}.}}"]
    lines += [r"\small", rf"\begin{{tabular}}{{l{'r' * len(rows)}}}", r"\toprule"]
    turned = list(zip(header, *rows, strict=True))
    lines += [_row(turned[0]), r"\midrule", *map(_row, turned[1:]), r"\bottomrule", r"\end{tabular}", ""]
    lines += [r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
    lines += [rf"\emph{{{latex.escape(label)}}}: {latex.escape(text)}.\par" for label, text in notes(timings)]
    return "\n".join([*lines, r"\end{minipage}", r"\end{table}"]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex.escape, cells)) + r" \\"


def _flat(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": timing.spec.dataset_label,
            "method": timing.spec.method,
            "preset": timing.spec.preset,
            "view": timing.spec.view,
            "marks": " ".join(timing.marks()),
            "device": timing.device_name,
            "processes": len(timing.measured),
            "failed": timing.failed,
            **{
                f"{figure.name}{end}": spread and getattr(spread, of)
                for figure in figures_of(timings)
                for spread in [timing.spread(figure.read)]
                for end, of in (("", "median"), (" low", "low"), (" high", "high"))
            },
        }
        for timing in timings
    ]


def _csv(timings: Sequence[Timing]) -> str:
    rows = _flat(timings)
    text = io.StringIO()
    out = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    return text.getvalue()


def _json(timings: Sequence[Timing]) -> str:
    return json.dumps([timing.model_dump(mode="json") for timing in timings], indent=2) + "\n"
