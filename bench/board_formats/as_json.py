"""Boards as JSON: the data as they are, with full precision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bench.boards.model import Board


def write(boards: Sequence[Board]) -> str:
    """A list with one object for each board."""
    return json.dumps([asdict(board) for board in boards], indent=2, allow_nan=False, ensure_ascii=False) + "\n"
