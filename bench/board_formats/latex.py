"""Boards as LaTeX tables of booktabs, and one macro for each figure, so that prose can cite it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.board_formats.sheet import TIED, Sheet, Words, figure_text, sheet
from bench.board_formats.words import heading, notes, subheading
from bench.boards.model import Board

HEAD = """% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.
"""
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "–": "--", "—": "---", "≈": r"$\approx$", "±": r"$\pm$", "×": r"$\times$", "…": r"\ldots{}",
    "≥": r"$\geq$", "†": r"$\dagger$", "µ": r"$\mu$", "’": "'", "“": "``", "”": "''", '"': r"\textquotedbl{}",
}  # fmt: skip
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def write(boards: Sequence[Board]) -> str:
    """Macros first, then a ``table`` for each board."""
    macros = [line for board in boards for line in _macro_lines(board)]
    return HEAD + "\n".join(numbered(macros)) + "\n\n" + "\n\n".join(_table(board) for board in boards) + "\n"


def escape(text: str) -> str:
    """Characters that LaTeX would take for its own, or does not know."""
    return "".join(_SPECIAL.get(character, character) for character in text).replace("[", "{[}").replace("]", "{]}")


# ----------------------------------------------------------------------------------------- table


def _table(board: Board) -> str:
    content = sheet(board)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escape(heading(board))}. {escape(subheading(board))}.}}"]
    lines += [r"\small", rf"\begin{{tabular}}{{{_alignment(content)}}}", r"\toprule"]
    lines.append(_line(escape(header.title) for header in content.headers))
    lines.append(r"\midrule")
    lines += [_line(_marked(cell) for cell in cells) for cells in content.rows]
    lines += [r"\bottomrule", r"\end{tabular}", "", r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize"]
    lines += [rf"\emph{{{escape(label)}}}: {escape(text)}.\par" for label, text in notes(board)]
    return "\n".join([*lines, r"\end{minipage}", r"\end{table}"])


def _alignment(content: Sheet) -> str:
    return "".join("r" if header.is_number else "l" for header in content.headers)


def _line(cells: Iterator[str]) -> str:
    return " & ".join(cells) + r" \\"


def _marked(cell: Words) -> str:
    text = escape(cell.text)
    if cell.best:
        return rf"\textbf{{{text}}}"
    return rf"{text}\rlap{{{_SPECIAL[TIED]}}}" if cell.tied else text


# ---------------------------------------------------------------------------------------- macros


def _macro_lines(board: Board) -> Iterator[tuple[str, str]]:
    """Names and texts of all figures of a board; names may repeat."""
    terms = " ".join(dict.fromkeys([board.preset or "published", *board.marks]))
    stem = f"bench {board.dataset} {terms}"
    for row in board.rows:
        for column in board.columns:
            if column.key in row.cells:
                part = column.key if column is board.ranked else f"{board.ranked.key} {column.key}"
                yield macro_name(f"{stem} {part} {row.name}"), escape(figure_text(row.cells[column.key], column))


def numbered(macros: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Definitions; a name that comes again gets a letter."""
    seen: set[str] = set()
    for name, text in macros:
        unique = name
        while unique in seen:
            unique += "A"
        seen.add(unique)
        yield rf"\newcommand{{\{unique}}}{{{text}}}"


def macro_name(text: str) -> str:
    """``bench mvtec-loco auroc f-AnoGAN`` as ``benchMvtecLocoAurocFAnoGAN``: letters only, digits spelt out."""
    spelt = "".join(
        f" {_DIGITS[int(c)]} " if c in "0123456789" else c if c.isascii() and c.isalpha() else " " for c in text
    )
    first, *others = spelt.split()
    return first + "".join(word[0].upper() + word[1:] for word in others)
