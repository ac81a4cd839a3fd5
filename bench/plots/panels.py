"""Several panels in one figure, as many side by side as its width allows."""

from __future__ import annotations

from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plots.style import Width

Share = bool | Literal["none", "all", "row", "col"]


def columns_of(width: Width, panels: int) -> int:
    """Two in a column of text, four across both; a slide takes three, its type being larger."""
    most = {"column": 2, "text": 4, "slide": 3}[width.name]
    rows = -(-panels // most)
    return -(-panels // rows)


def grid_of(figure: Figure, width: Width, panels: int, sharex: Share = False, sharey: Share = False) -> list[Axes]:
    """Axes row by row; places that are left over in the last row are taken away."""
    columns = columns_of(width, panels)
    found = figure.subplots(-(-panels // columns), columns, squeeze=False, sharex=sharex, sharey=sharey).ravel()
    for spare in found[panels:]:
        spare.remove()
    return list(found[:panels])
