"""Boards as one CSV file: a line for each row of each board, with full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from bench.board_formats.flat import flat_rows
from bench.boards.model import Board


def write(boards: Sequence[Board]) -> str:
    """All boards below one header; ``board`` numbers them from 1."""
    rows = [row for number, board in enumerate(boards, 1) for row in flat_rows(number, board)]
    header = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
