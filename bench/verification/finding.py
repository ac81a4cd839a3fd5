"""What was found to differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One difference."""

    check: str
    """``checksums``, ``records``, ``key``, ``files``, ``figures`` or ``boards``."""
    where: str
    what: str


@dataclass(frozen=True)
class Verified:
    """How much was looked at, and every difference."""

    runs: int
    boards: int
    has_checksums: bool
    """Whether a list of checksums lies beside the records; without one a changed record may go unseen."""
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
