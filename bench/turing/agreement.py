"""How far raters agree beyond chance, on the images that all of them judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.turing.verdicts import Answer

_ANSWERS: tuple[Answer, ...] = ("real", "generated")


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa of two raters, Fleiss' of more; ``value`` is ``None`` exactly where ``undefined`` says why."""

    name: str
    value: float | None
    images: int
    undefined: str | None = None


def agreement(said: Sequence[Mapping[str, Answer]]) -> Agreement:
    """Of two or more raters, each a map from image to verdict."""
    common = sorted(set.intersection(*(set(each) for each in said)))
    name = "Cohen's kappa" if len(said) == 2 else "Fleiss' kappa"
    if not common:
        return Agreement(name, None, 0, "no image was judged by all")
    if len({each[image] for each in said for image in common}) == 1:
        return Agreement(name, None, len(common), "all verdicts are the same")
    value = _cohen(said, common) if len(said) == 2 else _fleiss(said, common)
    return Agreement(name, value, len(common))


def _cohen(said: Sequence[Mapping[str, Answer]], common: Sequence[str]) -> float:
    from sklearn.metrics import cohen_kappa_score

    first, second = ([each[image] for image in common] for each in said)
    return float(cohen_kappa_score(first, second))


def _fleiss(said: Sequence[Mapping[str, Answer]], common: Sequence[str]) -> float:
    return fleiss_kappa([[sum(each[image] == answer for each in said) for answer in _ANSWERS] for image in common])


def fleiss_kappa(counts: ArrayLike) -> float:
    """Kappa of ``counts`` ``(images, categories)``: how many of the same number of raters chose each category.

    Fleiss 1971, Psychological Bulletin 76, 378. Raises ``ValueError`` on rows of different sums, fewer than two
    raters, or where all chose one category, as nothing is then left to agree on beyond chance.
    """
    table = np.asarray(counts, dtype=np.float64)
    raters = table[0].sum()
    if raters < 2 or (table.sum(axis=1) != raters).any():
        raise ValueError("Expected the same number of raters, two or more, for every image.")
    observed = ((table * (table - 1)).sum(axis=1) / (raters * (raters - 1))).mean()
    by_chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    if by_chance == 1:
        raise ValueError("Expected verdicts of two categories or more, found one.")
    return float((observed - by_chance) / (1 - by_chance))
