"""Where a method's codes of the test images lie: two directions of them, a mark for each image by its kind."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.errors import ConfigError
from bench.plots.canvas import Entry, canvas, marker_entry
from bench.plots.lettering import shortened
from bench.plots.output import Drawing
from bench.plots.panels import columns_of, grid_of
from bench.plots.scores import kinds_of
from bench.plots.selection import Selection
from bench.plots.style import NORMAL_GREY, Look, Width, looks, styled
from bench.records.saved import SavedRun

Projection = Literal["pca", "tsne"]
SEED = 0
PERPLEXITY = 30.0

Codes = NDArray[np.float32]


@styled
def draw(width: Width, selection: Selection, projection: Projection = "pca") -> Drawing:
    """A panel for each method that keeps codes; raises ``ConfigError`` where none does."""
    runs = {name: run for name, run in selection.firsts.items() if run.codes is not None}
    if not runs:
        raise ConfigError(
            f"None of {', '.join(selection.runs)} kept codes of {selection.dataset}: they have no latent space. Name a"
            " method with an encoder: --method …"
        )
    styles, size = _styles(selection.first), 2.6 * width.line
    columns = columns_of(width, len(runs))
    rows = -(-len(runs) // columns)
    legend: list[Entry] = [marker_entry(kind, look, size * 1.4) for kind, look in styles.items()]
    names = shortened(dict.fromkeys(runs, ""), 0.8 * width.mm / columns, width.points)
    notes = [*_notes(selection, projection), *names.notes]
    figure = canvas(width, rows * min(width.mm / columns, 80 * width.points / 7), legend, notes)
    tables = []
    for axes, (name, run) in zip(grid_of(figure, width, len(runs)), runs.items(), strict=True):
        points, directions = projected(_codes(run), projection)
        table = run.scores[["id", "kind", "label"]].assign(x=points[:, 0], y=points[:, 1], method=name)
        _draw_points(axes, table, styles, size)
        axes.set(xlabel=directions[0], ylabel=directions[1])
        axes.set_title(names.shown[name], loc="left")
        tables.append(table)
    return Drawing(figure, pd.concat(tables, ignore_index=True))


def _codes(run: SavedRun) -> Codes:
    codes = run.codes
    assert codes is not None
    return codes


def projected(codes: Codes, projection: Projection) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """``(n, d)`` -> ``(n, 2)`` and the names of the two axes. Every dimension is scaled to unit variance by neither."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    values = codes.astype(np.float64)
    if projection == "tsne":
        perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
        found = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED).fit_transform(values)
        return np.asarray(found, dtype=np.float64), ("t-SNE 1", "t-SNE 2")
    fitted_pca = PCA(min(2, *values.shape), svd_solver="full").fit(values)
    points = fitted_pca.transform(values)
    shares = [*fitted_pca.explained_variance_ratio_, 0.0][:2]
    padded = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    return padded, (f"PC 1 ({shares[0]:.0%} of variance)", f"PC 2 ({shares[1]:.0%} of variance)")


def _styles(run: SavedRun) -> dict[str, Look]:
    kinds = kinds_of(run)
    anomalous = [kind for kind in kinds if run.scores.loc[run.scores["kind"] == kind, "label"].any()]
    normal = {kind: Look(NORMAL_GREY, "-", "o") for kind in kinds if kind not in anomalous}
    return normal | dict(looks(anomalous))


def _draw_points(axes: Axes, table: pd.DataFrame, styles: dict[str, Look], size: float) -> None:
    for kind, look in styles.items():
        of_kind = table[table["kind"] == kind]
        axes.plot(of_kind["x"], of_kind["y"], linestyle="", marker=look.marker, color=look.colour, markersize=size,
                  markeredgewidth=0, alpha=0.75)  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])


def _notes(selection: Selection, projection: Projection) -> list[str]:
    how = (
        f"t-SNE, perplexity {PERPLEXITY:g} at most, seed {SEED}: distances between clusters mean little."
        if projection == "tsne"
        else "The two principal components of all test images' codes."
    )
    without = [name for name, run in selection.firsts.items() if run.codes is None]
    return [*selection.notes, how, *([f"Without codes: {', '.join(without)}."] if without else [])]
