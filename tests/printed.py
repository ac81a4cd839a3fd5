"""What a page shows of a command's output, held against what the command printed."""

from __future__ import annotations

import re

TOLERANCE = 0.05
"""Of shares and ratios: processors round differently, and training magnifies it. Whole numbers have to be equal."""

TOKEN = re.compile(
    r"(?P<key>\b[0-9a-f]{10,16}\b)|(?P<time>\b\d+(?:\.\d+)? (?:ms|s|min)\b)|(?P<figure>\d+(?:\.\d+)?)"
    r"|(?P<rest>…)|(?P<blank>[\s─]+)"
)
PATTERNS = {
    "key": r"[0-9a-f]{10,16}", "time": r"\d+(?:\.\d+)?\s+(?:ms|s|min|h)", "figure": r"(\d+(?:\.\d+)?)",
    "rest": r".*?", "blank": r"[\s─]+",
}  # fmt: skip


def first_difference(shown: str, printed: str) -> str | None:
    """The first line shown that is not printed in its place, or ``None``.

    ``…`` stands for anything in a line, and alone for any number of lines. Keys and times may differ; figures with a
    decimal point by ``TOLERANCE``.
    """
    lines = [line for line in printed.splitlines() if line.strip()]
    may_skip = False
    for wanted in filter(str.strip, shown.splitlines()):
        if wanted.strip() == "…":
            may_skip = True
            continue
        reach = len(lines) if may_skip else 1
        place = next((i for i, line in enumerate(lines[:reach]) if matches(wanted, line)), None)
        if place is None:
            return f"{wanted!r}; printed: {lines[:reach][:3]}"
        lines, may_skip = lines[place + 1 :], False
    return None if may_skip or not lines else f"the end; printed: {lines[0]!r}"


def matches(wanted: str, line: str) -> bool:
    """Whether one line is as shown."""
    pattern, figures, end = "", [], 0
    for token in TOKEN.finditer(wanted.strip()):
        pattern += re.escape(wanted.strip()[end : token.start()]) + PATTERNS[str(token.lastgroup)]
        figures += [token[0]] if token.lastgroup == "figure" else []
        end = token.end()
    found = re.fullmatch(pattern + re.escape(wanted.strip()[end:]), line.strip())
    return found is not None and all(map(_near, figures, found.groups()))


def _near(shown: str, printed: str) -> bool:
    if "." in shown and "." in printed:
        return abs(float(shown) - float(printed)) <= TOLERANCE
    return shown == printed
