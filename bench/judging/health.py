"""Pictures of a run's health, drawn into its record: look at them before believing its figures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from bench.contracts import NORMAL, Detector, Sample
from bench.images import ImageCache
from bench.judging.heat import HeatScale
from bench.judging.scoring import NativeView, look_at
from bench.views import View

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_log = logging.getLogger("bench")
_EXTREMES = 4
_LONGEST = 28  # characters of an image's id
_SMALLEST_CELL = 96  # pixels: smaller pictures are enlarged, for a person to look at


def draw_health(
    folder: Path,
    detector: Detector[Any],
    view: View,
    test: ImageCache,
    samples: Sequence[Sample],
    scores: NDArray[np.float64],
    device: torch.device,
) -> None:
    """The method's own gallery, its training curves, and the test images with the highest and lowest scores.

    A picture that cannot be drawn is left out, with a warning; raises ``OSError`` where the folder cannot be written.
    """
    with _spared("The method's gallery"):
        for name, pictures in detector.gallery().items():
            contact_sheet(pictures).save(folder / f"{name}.png")
    with _spared("training.png"):
        draw_training(folder / "training.csv", folder / "training.png")
    with _spared("extremes.png"):
        order = np.argsort(scores, kind="stable")
        chosen = [*order[::-1][:_EXTREMES], *order[:_EXTREMES][::-1]]
        rows = [(samples[i], scores[i], look_at(detector, view, test, int(i), device)) for i in chosen]
        draw_extremes(rows, folder / "extremes.png")


@contextmanager
def _spared(picture: str) -> Iterator[None]:
    """Trained, scored and measured is what counts: for want of a picture no result is thrown away."""
    try:
        yield
    except OSError:  # no picture's fault: the record could not be written either
        raise
    except Exception as error:  # noqa: BLE001 - plug-ins draw here, and from any numbers they like
        _log.warning("%s could not be drawn (%s: %s); the result stands.", picture, type(error).__name__, error)


def contact_sheet(pictures: Tensor) -> Image.Image:
    """``(rows, columns, C, S, S)`` in [-1, 1] -> one picture, a thin gap between cells."""
    cells = ((pictures.detach().float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    enlarge = max(1, -(-_SMALLEST_CELL // cells.shape[-1]))
    cells = cells.repeat(enlarge, axis=3).repeat(enlarge, axis=4)
    cells = np.pad(cells, ((0, 0), (0, 0), (0, 0), (0, 4), (0, 4)), constant_values=255)
    rows, columns, bands, height, width = cells.shape
    sheet = cells.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, bands)
    return Image.fromarray(sheet[:, :, 0] if bands == 1 else sheet)


def draw_extremes(rows: Sequence[tuple[Sample, float, NativeView]], file: Path) -> None:
    """Input, redrawn image, residual and overlay, one row per image, the highest score on top."""
    maps = [seen.map for _, _, seen in rows if seen.map is not None]
    scale = HeatScale.of(maps) if maps else None
    panels = [_panels(seen, scale) for _, _, seen in rows]
    columns = max(map(len, panels))
    aspect = np.mean([seen.image.shape[0] / seen.image.shape[1] for _, _, seen in rows])
    height = 1.5
    width = min(max(height / aspect, 1.5), 5.0)
    figure = Figure(figsize=(width * columns + 1.9, height * len(rows) + 0.5), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for r, ((sample, score, _), row) in enumerate(zip(rows, panels, strict=True)):
        for c, (title, picture) in enumerate(row.items()):
            _show(axes[r, c], picture, title)
            axes[r, c].set_title(title if r == 0 else "", fontsize=9)
        kind = sample.kind if sample.label != NORMAL else f"{sample.kind} (normal)"
        label = f"{_shortened(sample.id)}\n{kind}\nscore {score:.4g}"
        axes[r, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7)
    figure.savefig(file, dpi=130)


def _panels(seen: NativeView, scale: HeatScale | None) -> dict[str, Any]:
    panels: dict[str, Any] = {"input": seen.image}
    if seen.redrawn is not None:
        panels["redrawn"] = seen.redrawn
    if seen.map is not None and scale:
        heat = scale.share(seen.map)
        panels |= {"residual": heat, "overlay": (seen.image, heat)}
    return panels


def _show(axes: Axes, picture: Any, title: str) -> None:  # noqa: ANN401 - array or pair
    if title == "overlay":
        image, heat = picture
        axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=0.85 * heat)
    elif title == "residual":
        axes.imshow(picture, cmap="inferno", vmin=0, vmax=1)
    else:
        axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else "…" + text[1 - _LONGEST :]


def draw_training(log: Path, file: Path) -> None:
    """One curve per logged figure and stage; nothing where a method logged nothing, or steps alone."""
    import pandas as pd

    if not log.read_text().strip():
        return
    rows = pd.read_csv(log)
    curves = [
        (stage, name, part[["step", name]].dropna())
        for stage, part in rows.groupby("stage", sort=False)
        for name in part.columns
        if name not in ("stage", "step", "seconds") and part[name].notna().any()
    ]
    if not curves:
        return
    columns = min(3, len(curves))
    figure = Figure(figsize=(3.6 * columns, 2.4 * -(-len(curves) // columns)), layout="constrained")
    for n, (stage, name, curve) in enumerate(curves, 1):
        axes = figure.add_subplot(-(-len(curves) // columns), columns, n)
        axes.plot(curve["step"], curve[name], linewidth=1)
        axes.set_title(f"{stage}: {name.replace('_', ' ')}", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)
