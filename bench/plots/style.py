"""How every figure looks: widths of journals, type sizes, colours for the colour-blind, and a second cue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from itertools import cycle
from typing import Any, Concatenate, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bench.errors import unknown_name

P = ParamSpec("P")
R = TypeVar("R")

MM = 1 / 25.4
"""Inches in a millimetre."""


@dataclass(frozen=True)
class Width:
    """A preset of ``--width``."""

    name: str
    mm: float
    points: float
    """Size of the type; notes are a size smaller."""
    line: float
    """Width of a curve, in points."""

    @property
    def note_points(self) -> float:
        return self.points * 0.8


WIDTHS = {
    width.name: width
    for width in (
        Width("column", 88, 7, 1.0),  # one of two columns: IEEE and Springer 88, Nature 89
        Width("text", 180, 7, 1.1),  # both of them: IEEE 181, Nature 183, Elsevier 190
        Width("slide", 254, 14, 2.0),  # a 16:9 slide of 10 inches
    )
}

# Okabe and Ito 2008 without yellow, which is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (5, 1.2, 1.2, 1.2)), (0, (1.3, 1.1)))
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")  # circles are left to normal images
NORMAL_GREY, TRIVIAL_GREY, HEAT = "#8c8c8c", "#6e6e6e", "inferno"


@dataclass(frozen=True)
class Look:
    """How one method, kind or stage is drawn: no two of 28 share both colour and line style."""

    colour: str
    line: Any
    marker: str


def width_named(name: str) -> Width:
    """Raises ``ConfigError`` for a preset that nobody knows."""
    if name not in WIDTHS:
        raise unknown_name("width", name, WIDTHS, "See: docs/figures.md.")
    return WIDTHS[name]


def looks(names: Iterable[str], trivial: Iterable[str] = ()) -> Mapping[str, Look]:
    """A look for each name in order; trivial baselines are grey, as they are lines to beat and no contenders."""
    grey = set(trivial)
    contenders, baselines = (
        zip(cycle(COLOURS), cycle(LINES), cycle(MARKERS), strict=False),
        zip(cycle(LINES), cycle(MARKERS), strict=False),
    )
    return {name: Look(TRIVIAL_GREY, *next(baselines)) if name in grey else Look(*next(contenders)) for name in names}


def settings(width: Width) -> dict[str, Any]:
    """Matplotlib's settings: fonts embedded whole as TrueType, text in an SVG kept as text, no ``$`` read as TeX."""
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana"],  # the one that comes with matplotlib: the same everywhere
        "font.size": width.points,
        "axes.titlesize": width.points,
        "axes.labelsize": width.points,
        "legend.fontsize": width.points,
        "xtick.labelsize": width.note_points,
        "ytick.labelsize": width.note_points,
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "bench",
        "lines.linewidth": width.line,
        "axes.linewidth": 0.5 * width.line,
        "xtick.major.width": 0.5 * width.line,
        "ytick.major.width": 0.5 * width.line,
        "xtick.minor.width": 0.35 * width.line,
        "ytick.minor.width": 0.35 * width.line,
        "xtick.major.size": 2.2 * width.line,
        "ytick.major.size": 2.2 * width.line,
        "xtick.minor.size": 1.3 * width.line,
        "ytick.minor.size": 1.3 * width.line,
        "xtick.minor.pad": 3.5 + 0.9 * width.line,  # in line with the labels of longer ticks
        "ytick.minor.pad": 3.5 + 0.9 * width.line,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 100,
        "savefig.dpi": 300,
    }


def look_of(width: Width) -> AbstractContextManager[None]:
    """Draws and writes under ``settings``, whatever the user's own matplotlibrc says."""
    values: Any = {**mpl.rcParamsDefault, **settings(width)}
    return mpl.rc_context(values)


def styled(draw: Callable[Concatenate[Width, P], R]) -> Callable[Concatenate[Width, P], R]:
    """Make a function draw under ``settings`` of its first argument."""

    @wraps(draw)
    def within(width: Width, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with look_of(width):
            return draw(width, *args, **kwargs)

    return within


def plain_log(axes: Axes) -> None:
    """A logarithmic x axis with plain numbers: 0.01 and not 10⁻²; twos and fives too where it spans little."""
    axis = axes.xaxis
    axes.set_xscale("log")

    def between_powers(value: float, _: int) -> str:
        low, high = axis.get_view_interval()
        digit = round(value / 10 ** math.floor(math.log10(value)))
        return f"{value:g}" if digit in (2, 5) and high < 100 * low else ""

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(between_powers))
