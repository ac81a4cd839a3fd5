"""Which interval of an AUROC the data allow."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from bench.metrics.ranking import check_inputs
from bench.metrics.resampling import Interval
from bench.statistics.bootstrap import grouped_bootstrap_interval
from bench.statistics.checks import check_length, stand_alone
from bench.statistics.delong import logit_delong_interval


def auroc_interval(
    labels: ArrayLike, scores: ArrayLike, groups: Sequence[str | None], seed: int = 0, level: float = 0.95
) -> Interval:
    """The interval of an AUROC that its data allow: over groups where any holds several images, else over images.

    ``groups`` names what each of N images must not be separated from; ``None`` stands alone. Raises ``ValueError``
    on unusable labels, scores or groups.
    """
    if not stand_alone(groups):
        return grouped_bootstrap_interval(labels, scores, groups, level=level, seed=seed)
    check_length(len(groups), len(check_inputs(labels, scores)[0]))
    return logit_delong_interval(labels, scores, level)
