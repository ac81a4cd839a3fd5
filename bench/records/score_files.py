"""Image scores as files: read from others' methods, written from ours."""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError, refuse_all
from bench.records.map_files import Named, stem
from bench.writing import replace_file

SCORES_HEADER = ["id", "score"]


def write_scores(file: Path, test: Sequence[Named], scores: NDArray[Any]) -> None:
    """Image scores ``(N,)`` as a CSV ``id,score``; reading it gives the same numbers to the last bit."""
    with replace_file(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(SCORES_HEADER)
        table.writerows((s.id, repr(float(score))) for s, score in zip(test, scores, strict=True))


def read_scores(file: Path, test: Sequence[Named], category: str | None = None) -> NDArray[np.float64]:
    """Image scores ``(N,)`` in the order of ``test``, from a CSV ``id,score`` with its lines in any order.

    An id may lack its suffix and may have the category as its first folder. Raises one ``DataError`` for all ids
    that are missing, unknown or there twice and all scores that are no finite numbers.
    """
    known, scores, seen = _spellings(test, category), np.empty(len(test)), set[int]()
    problems = defaultdict[str, list[str]](list)
    for line, cells in _rows(file):
        place, score = known.get(cells[0]), _finite(cells)
        if place is None:
            problems["line(s) have an unknown id"].append(f"line {line}: {cells[0]}")
        elif place in seen:
            problems["line(s) repeat an image"].append(f"line {line}: {cells[0]}")
        elif score is None:
            problems["line(s) are not an id and a finite number"].append(f"line {line}: {','.join(cells)}")
        else:
            scores[place] = score
        seen.update(() if place is None else (place,))
    problems["test image(s) have no score"] = [s.id for i, s in enumerate(test) if i not in seen]
    refuse_all(
        f"Expected one finite score for each of {len(test)} test images in {file}.",
        problems,
        "An id is the image's path, as in scores.parquet of every run.",
    )
    return scores


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells below the header; empty lines left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a readable CSV file ({error})") from error
    header = rows[0][1] if rows else []
    if header != SCORES_HEADER:
        raise DataError(f"{file}: expected the header 'id,score', found {','.join(header)!r}.")
    return rows[1:]


def _spellings(test: Sequence[Named], category: str | None) -> dict[str, int]:
    """Every accepted name of each sample. Without its suffix only where that leaves no doubt."""
    count = Counter(map(stem, test))
    known = {stem(sample): i for i, sample in enumerate(test) if count[stem(sample)] == 1}
    known |= {sample.id: i for i, sample in enumerate(test)}
    return known | ({f"{category}/{name}": i for name, i in known.items()} if category else {})


def _finite(cells: list[str]) -> float | None:
    try:
        _, text = cells
        score = float(text)
    except ValueError:
        return None
    return score if math.isfinite(score) else None
