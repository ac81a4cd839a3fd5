"""Many comparisons at once: p-values that keep the chance of any false finding."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values, in the order given: below alpha, their hypotheses are rejected at family-wise level alpha.

    Holm 1979 (Scandinavian Journal of Statistics 6, 65), whatever the comparisons share. ``None``, a comparison that
    could not be tested, stays ``None`` and does not count towards the size of the family. Raises ``ValueError`` on
    p-values outside [0, 1].
    """
    tested = [(p, place) for place, p in enumerate(p_values) if p is not None]
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(sorted(tested)):
        if not 0 <= p <= 1:
            raise ValueError(f"Expected p-values between 0 and 1, found {p}.")
        # A hypothesis falls only after all those with smaller p-values.
        highest = max(highest, min(1.0, (len(tested) - rank) * p))
        adjusted[place] = highest
    return adjusted
