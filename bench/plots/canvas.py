"""A figure with room kept for its legend and its notes, so that neither covers a panel nor is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from bench.plots.lettering import POINT_MM, shortened, text_mm, wrapped
from bench.plots.style import MM, Look, Width

_MARGIN = 1.0  # millimetres at either side of legend and notes
_HANDLE = 2.6  # length of a legend's line and the gaps around it, in letters' heights
_LEADING = 1.35
_SLACK = 0.97  # pixels make letters a little wider than their outlines are


@dataclass(frozen=True)
class Entry:
    """A line of the legend: a name, which gets a number where it is too long, and figures, which stay."""

    name: str
    handle: Artist
    figures: str = ""

    @property
    def after(self) -> str:
        return f"  {self.figures}" if self.figures else ""

    @property
    def label(self) -> str:
        return self.name + self.after


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
    legend, spelled = _within_room(width, legend)
    text = " ".join([*notes, *spelled])
    lines = wrapped(text, _SLACK * (width.mm - 2 * _MARGIN), width.note_points) if text else []
    notes_mm = len(lines) * width.note_points * POINT_MM * _LEADING + (2 * _MARGIN if lines else 0)
    columns, rows = _legend_shape(width, legend)
    legend_mm = rows * width.points * POINT_MM * _LEADING + (2 * _MARGIN if rows else 0)
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


def _within_room(width: Width, legend: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """The legend with names that fit, and the note that spells out the others."""
    names = shortened({entry.name: entry.after for entry in legend}, _label_room(width), width.points)
    return [replace(entry, name=names.shown[entry.name]) for entry in legend], names.notes


def _write_notes(figure: Figure, width: Width, lines: Sequence[str], top: float) -> None:
    if lines:
        left = _MARGIN / width.mm
        figure.text(left, top - _MARGIN / _height_mm(figure), "\n".join(lines), fontsize=width.note_points, va="top",
                    color="#404040", linespacing=1.15)  # fmt: skip


def _draw_legend(figure: Figure, width: Width, legend: Sequence[Entry], columns: int, top: float) -> None:
    figure.legend(
        [entry.handle for entry in legend],
        [entry.label for entry in legend],
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
    widest = max(text_mm(entry.label, width.points) for entry in legend)
    letter = width.points * POINT_MM
    columns = max(1, int((width.mm - 2 * _MARGIN) / (widest + (_HANDLE + 1.8) * letter)))
    rows = -(-len(legend) // min(columns, len(legend)))
    return -(-len(legend) // rows), rows


def _label_room(width: Width) -> float:
    return width.mm - 2 * _MARGIN - (_HANDLE + 1) * width.points * POINT_MM
