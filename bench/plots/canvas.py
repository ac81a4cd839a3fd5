"""A figure with room kept for its legend and its notes, so that neither covers a panel nor is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from bench.plots.style import MM, Look, Width

_MARGIN = 1.0  # millimetres at either side of legend and notes
_HANDLE = 2.6  # length of a legend's line and the gaps around it, in letters' heights
_LEADING = 1.35
_SLACK = 0.97  # pixels make letters a little wider than their outlines are
_POINT = 25.4 / 72  # millimetres


@dataclass(frozen=True)
class Entry:
    """A line of the legend: a name, which may be shortened, and figures, which are not."""

    name: str
    handle: Artist
    figures: str = ""

    @property
    def label(self) -> str:
        return f"{self.name}  {self.figures}" if self.figures else self.name


def line_entry(name: str, look: Look, figures: str = "") -> Entry:
    return Entry(name, Line2D([], [], color=look.colour, linestyle=look.line), figures)


def marker_entry(name: str, look: Look, size: float, figures: str = "") -> Entry:
    handle = Line2D([], [], color=look.colour, linestyle="", marker=look.marker, markersize=size)
    return Entry(name, handle, figures)


def canvas(
    width: Width, panels_mm: float, legend: Sequence[Entry] = (), notes: Sequence[str] = (), close: bool = False
) -> Figure:
    """A figure of that width whose panels are ``panels_mm`` high; add axes to it: the layout keeps them above.

    The legend takes as many columns as its longest label allows; notes are wrapped. ``close``: panels nearly touch.
    """
    lines = wrapped(" ".join(notes), _SLACK * (width.mm - 2 * _MARGIN), width.note_points) if notes else []
    notes_mm = len(lines) * width.note_points * _POINT * _LEADING + (2 * _MARGIN if lines else 0)
    columns, rows = _legend_shape(width, legend)
    legend_mm = rows * width.points * _POINT * _LEADING + (2 * _MARGIN if rows else 0)
    top_mm = 0.15 * width.points if close else 0.0  # the layout measures titles of two lines a little too low
    height = top_mm + panels_mm + legend_mm + notes_mm
    figure = Figure(figsize=(width.mm * MM, height * MM))
    bottom = (legend_mm + notes_mm) / height
    pad, space = (0.01, 0.0) if close else (0.03, 0.02)
    figure.set_layout_engine(
        ConstrainedLayoutEngine(
            rect=(0, bottom, 1, 1 - bottom - top_mm / height), w_pad=pad, h_pad=pad, wspace=space, hspace=space
        )
    )
    _write_notes(figure, width, lines, notes_mm / height)
    if legend:
        _draw_legend(figure, width, legend, columns, bottom)
    return figure


def _write_notes(figure: Figure, width: Width, lines: Sequence[str], top: float) -> None:
    if lines:
        left = _MARGIN / width.mm
        figure.text(left, top - _MARGIN / _height_mm(figure), "\n".join(lines), fontsize=width.note_points, va="top",
                    color="#404040", linespacing=1.15)  # fmt: skip


def _draw_legend(figure: Figure, width: Width, legend: Sequence[Entry], columns: int, top: float) -> None:
    figure.legend(
        [entry.handle for entry in legend],
        [fitted(entry.name, _label_room(width), width.points, f"  {entry.figures}".rstrip()) for entry in legend],
        loc="upper left",
        bbox_to_anchor=(_MARGIN / width.mm, top - 0.5 * _MARGIN / _height_mm(figure)),
        ncols=columns, frameon=False, borderaxespad=0, borderpad=0, labelspacing=0.35, columnspacing=1.2,
        handlelength=2.4, handletextpad=0.6,
    )  # fmt: skip


def _height_mm(figure: Figure) -> float:
    return float(figure.get_size_inches()[1]) / MM


def _legend_shape(width: Width, legend: Sequence[Entry]) -> tuple[int, int]:
    """Columns and rows."""
    if not legend:
        return 0, 0
    widest = min(max(text_mm(entry.label, width.points) for entry in legend), _label_room(width))
    letter = width.points * _POINT
    columns = max(1, int((width.mm - 2 * _MARGIN) / (widest + (_HANDLE + 1.8) * letter)))
    rows = -(-len(legend) // min(columns, len(legend)))
    return -(-len(legend) // rows), rows


def _label_room(width: Width) -> float:
    return width.mm - 2 * _MARGIN - (_HANDLE + 1) * width.points * _POINT


def text_mm(text: str, points: float) -> float:
    """How wide a text is when set."""
    return float(TextPath((0, 0), text, size=points).get_extents().width) * _POINT if text.strip() else 0.0


def wrapped(text: str, room_mm: float, points: float) -> list[str]:
    """Lines that fit, broken between words; a word that is wider than a line is shortened."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_mm(joined, points) > room_mm:
            lines.append(fitted(word, room_mm, points))
        else:
            lines[-1] = joined if lines[-1] else fitted(word, room_mm, points)
    return lines


def fitted(text: str, room_mm: float, points: float, after: str = "") -> str:
    """The text and what comes ``after``; where that is wider than there is room, the middle of the text is left out."""
    keep = len(text)
    while keep > 3 and text_mm(_without_middle(text, keep) + after, points) > room_mm:
        keep -= 1
    return _without_middle(text, keep) + after


def _without_middle(text: str, keep: int) -> str:
    if keep >= len(text):
        return text
    tail = (keep - 1) // 2
    return f"{text[: keep - 1 - tail]}…{text[len(text) - tail :]}"
