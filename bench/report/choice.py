"""Which test images get a picture where there are too many: the worst mistakes of every run, then an even spread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.report.groups import Group
from bench.report.verdicts import judged, worst_mistakes


def pictured(group: Group, most: int) -> frozenset[str]:
    """Ids of at most ``most`` test images; half of them are kept for mistakes, the same number of each run."""
    ids = [str(name) for name in group.runs[0].scores["id"]]
    if len(ids) <= most:
        return frozenset(ids)
    spread = np.linspace(0, len(ids) - 1, most).round().astype(int)
    return frozenset([*dict.fromkeys([*_mistakes(group, most), *(ids[i] for i in spread)])][:most])


def _mistakes(group: Group, most: int) -> Iterator[str]:
    each = -(-most // (4 * len(group.runs)))
    for run in group.runs:
        for sort in worst_mistakes(judged(run), each):
            yield from (image.id for image in sort)
