"""Timings in files, in the forms that boards are written in: a row for each method, boards one after the other."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from bench.board_formats import as_html, latex, markdown, terminal
from bench.boards.naming import row_names
from bench.errors import unknown_name
from bench.timing.record import Timing
from bench.timing.sheet import figure_text, figures_of, heading, notes
from bench.timing.tables import report

Board = Sequence[Timing]
"""What may stand side by side; see ``bench.timing.lookup.boards``."""
Writer = Callable[[Sequence[Board]], str]
"""Boards, one after the other, as the text of one file."""


def writer(name: str) -> Writer:
    """The writer of a format; raises ``ConfigError`` with the nearest names."""
    writers: dict[str, Writer] = {
        "terminal": _terminal, "markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json, "html": _html,
    }  # fmt: skip
    if name not in writers:
        raise unknown_name("format", name, writers, "See: bench leaderboard --help.")
    return writers[name]


def _terminal(boards: Sequence[Board]) -> str:
    return terminal.as_text(map(report, boards))


def _markdown(boards: Sequence[Board]) -> str:
    return "\n".join(map(_markdown_table, boards))


def _latex(boards: Sequence[Board]) -> str:
    return latex.HEAD + "\n\n".join(map(_latex_table, boards)) + "\n"


def _html(boards: Sequence[Board]) -> str:
    return as_html.page(dict.fromkeys(board[0].spec.dataset_label for board in boards), map(_section, boards))


def _csv(boards: Sequence[Board]) -> str:
    """All boards below one header; what tells one from another stands in every row."""
    rows = [row for board in boards for row in _flat(board)]
    text = io.StringIO()
    out = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    return text.getvalue()


def _json(boards: Sequence[Board]) -> str:
    """Every timing as it was stored."""
    return json.dumps([timing.model_dump(mode="json") for board in boards for timing in board], indent=2) + "\n"


def _words(timings: Board) -> tuple[list[str], list[list[str]]]:
    figures = figures_of(timings)
    rows = [
        [name, *(figure_text(timing.spread(figure.read), figure) for figure in figures)]
        for name, timing in zip(row_names(timings), timings, strict=True)
    ]
    return ["method", *(figure.title for figure in figures)], rows


def _markdown_table(timings: Board) -> str:
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


def _latex_table(timings: Board) -> str:
    """Methods side by side: a table of booktabs that fits a page."""
    header, rows = _words(timings)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{latex.escape(heading(timings))}.}}"]
    lines += [r"\small", rf"\begin{{tabular}}{{l{'r' * len(rows)}}}", r"\toprule"]
    turned = list(zip(header, *rows, strict=True))
    lines += [_row(turned[0]), r"\midrule", *map(_row, turned[1:]), r"\bottomrule", r"\end{tabular}", ""]
    lines += [r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
    lines += [rf"\emph{{{latex.escape(label)}}}: {latex.escape(text)}.\par" for label, text in notes(timings)]
    return "\n".join([*lines, r"\end{minipage}", r"\end{table}"])


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex.escape, cells)) + r" \\"


def _section(timings: Board) -> str:
    header, rows = _words(timings)
    heads = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<h2>{escape(heading(timings))}</h2>\n"
        f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n'
        f"{as_html.footer(notes(timings))}"
    )


def _flat(timings: Board) -> list[dict[str, Any]]:
    return [
        {
            "dataset": timing.spec.dataset_label,
            "method": name,
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
        for name, timing in zip(row_names(timings), timings, strict=True)
    ]
