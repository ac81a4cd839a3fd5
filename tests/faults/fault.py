"""What a fault is: something that happens to a grid, and how it must be named afterwards."""

from __future__ import annotations

import random
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from .grid import Heard, TinyGrid


@dataclass(frozen=True)
class Struck:
    """A fault that happened."""

    kind: str
    what: str
    """Which file or process."""
    heard: Heard
    words: str | None
    """Regular expression that a log or terminal must match afterwards; ``None``: nothing is wrong, nothing is said."""

    def is_named(self, grid: TinyGrid) -> bool:
        return self.words is None or re.search(self.words, grid.said_since(self.heard)) is not None


class Fault(ABC):
    """A kind of fault. ``strike`` may find nothing to hit."""

    name: ClassVar[str]

    def __init__(self, grid: TinyGrid, rng: random.Random) -> None:
        self.grid, self.rng = grid, rng

    @abstractmethod
    def strike(self) -> list[Struck]:
        """Let it happen; returns what did."""

    def lift(self) -> None:  # noqa: B027 - most leave their damage
        """End it, once the commands it hit have ended."""

    def wait_a_while(self) -> None:
        """Some part of a run's life, rather less than more: early ends are cheap, and many."""
        time.sleep(self.grid.life * self.rng.random() ** 3)

    def struck(self, what: object, words: str | None, heard: Heard | None = None) -> Struck:
        return Struck(self.name, str(what), self.grid.heard() if heard is None else heard, words)
