"""Boards as LaTeX tables of booktabs, and one macro for each figure, so that prose can cite it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from bench.board_formats.sheet import TIED, Sheet, Words, figure_text, sheet
from bench.board_formats.words import heading, notes, subheading
from bench.boards.comparable import canonical, differing
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
    macros = [line for board, stem in zip(boards, stems(boards), strict=True) for line in _macro_lines(board, stem)]
    return HEAD + "\n".join(definitions(macros)) + "\n\n" + "\n\n".join(_table(board) for board in boards) + "\n"


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


def _macro_lines(board: Board, stem: str) -> Iterator[tuple[str, str]]:
    """Names and texts of all figures of a board."""
    for row in board.rows:
        for column in board.columns:
            if column.key in row.cells:
                part = column.key if column is board.ranked else f"{board.ranked.key} {column.key}"
                yield macro_name(f"{stem} {part} {row.name}"), escape(figure_text(row.cells[column.key], column))


def stems(boards: Sequence[Board]) -> list[str]:
    """What the macros of each board begin with: what tells it from the other boards, whatever order they come in.

    A figure must not move to another name's place when one more board appears: prose that cites it would be wrong.
    """
    found = [f"bench {b.dataset} {' '.join(dict.fromkeys([b.preset or 'published', *b.marks]))}" for b in boards]
    for tell in (_protocol, _aggregation, _dataset_params, _fingerprint):
        groups = defaultdict[tuple[str, str], list[Board]](list)
        for stem, board in zip(found, boards, strict=True):
            groups[stem, board.ranked.key].append(board)
        found = [
            f"{stem} {tell(board, groups[stem, board.ranked.key])}" for stem, board in zip(found, boards, strict=True)
        ]
    return found


def _protocol(board: Board, alike: Sequence[Board]) -> str:
    return _where_they_differ(board.protocol, [other.protocol for other in alike])


def _aggregation(board: Board, alike: Sequence[Board]) -> str:
    return _where_they_differ(board.aggregation, [other.aggregation for other in alike])


def _dataset_params(board: Board, alike: Sequence[Board]) -> str:
    return differing([canonical(each.dataset_params) for each in (board, *alike)])[0]


def _fingerprint(board: Board, alike: Sequence[Board]) -> str:
    first = [" ".join(sorted(digest[:8] for digest in each.data.values())) for each in (board, *alike)]
    return _where_they_differ(f"data {first[0]}", [f"data {text}" for text in first[1:]])


def _where_they_differ(own: str, all_texts: Sequence[str]) -> str:
    return own if len(set(all_texts)) > 1 else ""


def definitions(macros: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A definition for each name; one that would stand for several figures is not defined."""
    times = Counter(name for name, _ in macros)
    for name, text in macros:
        if times[name] == 1:
            yield rf"\newcommand{{\{name}}}{{{text}}}"
    for name in sorted(name for name, count in times.items() if count > 1):
        yield rf"% \{name} is not defined: {times[name]} rows are called so"


def macro_name(text: str) -> str:
    """``bench mvtec-loco auroc f-AnoGAN`` as ``benchMvtecLocoAurocFAnoGAN``: letters only, digits spelt out."""
    spelt = "".join(
        f" {_DIGITS[int(c)]} " if c in "0123456789" else c if c.isascii() and c.isalpha() else " " for c in text
    )
    first, *others = spelt.split()
    return first + "".join(word[0].upper() + word[1:] for word in others)
