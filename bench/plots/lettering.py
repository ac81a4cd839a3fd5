"""Texts as there is room for them: a name that is too long gets a number, and the notes of the figure spell it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.textpath import TextPath

POINT_MM = 25.4 / 72
"""Millimetres of a point."""


@dataclass(frozen=True)
class Names:
    """What stands in a figure for each name, no two alike, and what must stand in its notes."""

    shown: Mapping[str, str]
    notes: list[str]


def shortened(names: Mapping[str, str], room_mm: float, points: float) -> Names:
    """``fanogan (encoder_steps 60, generator_steps 40)`` -> ``fanogan [1]`` where the whole does not fit.

    ``names``: each with what is written after it in the same line. Numbers follow the names, whatever their order.
    """
    long = sorted(name for name, after in names.items() if text_mm(name + after, points) > room_mm)
    shown = {name: name for name in names}
    for number, name in enumerate(long, 1):
        after = names[name]
        shown[name] = fitted(name.partition(" (")[0], room_mm, points, f" [{number}]{after}").removesuffix(after)
    spelled = ", ".join(f"[{number}] {name}" for number, name in enumerate(long, 1))
    return Names(shown, [f"{spelled}."] if long else [])


def text_mm(text: str, points: float) -> float:
    """How wide a text is when set."""
    return float(TextPath((0, 0), text, size=points).get_extents().width) * POINT_MM if text.strip() else 0.0


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
