"""Names that become folders: of methods, data sets and categories, wherever they were read."""

from __future__ import annotations

from bench.errors import ConfigError

MOST_BYTES = 100
"""A folder's name may have 255, and holds a data set and its category."""


def why_unusable(name: str) -> str | None:
    """What keeps a name from being a folder's, inside the one it is made in; ``None``: nothing."""
    if not name or name.startswith("."):
        return "is empty or begins with a dot"
    if any(letter in "/\\" or not letter.isprintable() for letter in name):
        return "holds a slash, a backslash, or a letter that cannot be printed"
    if len(name.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return f"is longer than {MOST_BYTES} bytes"
    return None


def require_usable(what: str, name: str) -> None:
    """Raise ``ConfigError`` for a name that could lead out of the results folder, or that no file system takes."""
    trouble = why_unusable(name)
    if trouble:
        shown = ascii(name[:MOST_BYTES])
        raise ConfigError(f"Expected a {what} whose name can be a folder's; {shown} {trouble}. Rename it.")
