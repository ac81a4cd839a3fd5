"""``bench plot``: figures for papers, from records alone. Each command imports what it needs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from bench.commands.figure import Datasets, figure
from bench.commands.options import DataOfRuns, Plugins, data_roots, names, use_plugins
from bench.plots.request import FigureRequest

app = typer.Typer(
    help="Draw figures for papers from records; their numbers are written beside them.", no_args_is_help=True
)


@figure(app)
def roc(request: FigureRequest) -> None:
    """ROC curves with AUROC and interval, linear and with a logarithmic false positive rate.

    Example: bench plot roc --dataset oct-phantom --out roc.pdf
    """
    from bench.plots import draw, roc

    draw.draw(roc.draw, request)


@figure(app)
def pr(request: FigureRequest) -> None:
    """Precision-recall curves with average precision.

    Example: bench plot pr --dataset oct-phantom --out pr.pdf
    """
    from bench.plots import draw, pr

    draw.draw(pr.draw, request)


@figure(app)
def scores(request: FigureRequest) -> None:
    """Histograms of the scores for each kind of image, with the threshold.

    Example: bench plot scores --dataset oct-phantom --method fanogan --out scores.pdf
    """
    from bench.plots import draw, scores

    draw.draw(scores.draw, request)


@figure(app, width="text")
def maps(
    request: FigureRequest,
    images: Annotated[str | None, typer.Option(help="Ids of test images, a list. Default: by --pick.")] = None,
    pick: Annotated[
        Literal["first", "worst", "best", "spread"],
        typer.Option(help="Images of each kind: the first by name, or by the first method's score."),
    ] = "first",
    panels: Annotated[
        str | None,
        typer.Option(help="Of each method: redrawn,residual,overlay. Default: all of one, overlays of several."),
    ] = None,
    data_root: DataOfRuns = None,
    plugins: Plugins = None,
) -> None:
    """Test images with their annotation and what each method redrew and marked; needs the data set's images.

    Example: bench plot maps --dataset oct-phantom --method fanogan --out maps.pdf
    """
    from bench.plots import draw, maps

    use_plugins(plugins)
    chosen, shown = names(images or ""), names(panels or "")
    draw.draw(maps.draw, request, images=chosen, pick=pick, panels=shown, data_root=data_roots(data_root))


@figure(app)
def spro(request: FigureRequest, data_root: DataOfRuns = None, plugins: Plugins = None) -> None:
    """Curves of sPRO over the false positive rate of pixels; needs the data set's annotations.

    Example: bench plot spro --dataset oct-phantom --out spro.pdf
    """
    from bench.plots import draw, spro

    use_plugins(plugins)
    draw.draw(spro.draw, request, data_root=data_roots(data_root))


@figure(app)
def timing(
    request: FigureRequest,
    fit: Annotated[bool, typer.Option("--fit", help="Seconds of fitting instead of seconds per scored image.")] = False,
) -> None:
    """AUROC against the runs' own, indicative seconds, with the Pareto front.

    Example: bench plot timing --dataset oct-phantom --out timing.pdf
    """
    from bench.plots import draw, timing

    draw.draw(timing.draw, request, cost="fit" if fit else "score")


@figure(app)
def training(request: FigureRequest) -> None:
    """What the training loops logged: a panel for each stage and figure.

    Example: bench plot training --dataset oct-phantom --method fanogan --out training.pdf
    """
    from bench.plots import draw, training

    draw.draw(training.draw, request)


@figure(app, dataset=Datasets)
def ranks(request: FigureRequest) -> None:
    """Average ranks over data sets with the critical difference; descriptive below six data sets.

    Example: bench plot ranks --method fanogan,izi,pca --out ranks.pdf
    """
    from bench.plots import draw, ranks

    draw.draw_over_datasets(ranks.draw, request)


@figure(app)
def latent(
    request: FigureRequest,
    tsne: Annotated[bool, typer.Option("--tsne", help="t-SNE instead of principal components.")] = False,
) -> None:
    """Codes of the test images in two dimensions, by kind.

    Example: bench plot latent --dataset oct-phantom --method fanogan --out latent.pdf
    """
    from bench.plots import draw, latent

    draw.draw(latent.draw, request, projection="tsne" if tsne else "pca")
