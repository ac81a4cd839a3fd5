"""``bench plot``: figures for papers, from records alone. Each command imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.commands.options import Debug, Plugins, Results, names, use_plugins, whole_numbers

if TYPE_CHECKING:
    from bench.plots.selection import Wanted

app = typer.Typer(
    help="Draw figures for papers from records; their numbers are written beside them.", no_args_is_help=True
)

Dataset = Annotated[str | None, typer.Option(help="Data set, with its category: oct-phantom or mnist:1.")]
Datasets = Annotated[
    str | None, typer.Option(help="Data set, or a list: mnist:0,mnist:1. Default: all in the records.")
]
Methods = Annotated[
    str | None, typer.Option("--method", help="Method, or a list: fanogan,izi. Default: all there are.")
]
Preset = Annotated[str | None, typer.Option(help="Preset of the runs, where the records hold several.")]
View = Annotated[str | None, typer.Option(help="View of the runs, where the records hold several.")]
Seeds = Annotated[str | None, typer.Option(help="Seed, or a list: 0,1,2. Default: all there are.")]
Out = Annotated[Path, typer.Option(help="Figure to write: .pdf, .svg or .png. A .csv of the same name goes beside it.")]
WidthOption = Annotated[str, typer.Option("--width", help="column (88 mm), text (180 mm) or slide (254 mm).")]


DataOfRuns = Annotated[
    Path | None, typer.Option("--data-root", help="Folder of the data. Default: where the run had it.")
]


@app.command()
def roc(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """ROC curves with AUROC and interval, linear and with a logarithmic false positive rate.

    Example: bench plot roc --dataset oct-phantom --out roc.pdf
    """
    from bench.plots import request, roc

    request.draw(roc.draw, out, width, results, _wanted(dataset, method, preset, seeds, view))


@app.command()
def pr(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """Precision-recall curves with average precision.

    Example: bench plot pr --dataset oct-phantom --out pr.pdf
    """
    from bench.plots import pr, request

    request.draw(pr.draw, out, width, results, _wanted(dataset, method, preset, seeds, view))


@app.command()
def scores(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """Histograms of the scores for each kind of image, with the threshold.

    Example: bench plot scores --dataset oct-phantom --method fanogan --out scores.pdf
    """
    from bench.plots import request, scores

    request.draw(scores.draw, out, width, results, _wanted(dataset, method, preset, seeds, view))


@app.command()
def maps(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
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
    results: Results = Path("results"),
    width: WidthOption = "text",
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Test images with their annotation and what each method redrew and marked; needs the data set's images.

    Example: bench plot maps --dataset oct-phantom --method fanogan --out maps.pdf
    """
    from bench.plots import maps, request

    use_plugins(plugins)
    wanted = _wanted(dataset, method, preset, seeds, view)
    request.draw(
        maps.draw, out, width, results, wanted, images=names(images or ""), pick=pick, panels=names(panels or ""),
        data_root=data_root,
    )  # fmt: skip


@app.command()
def spro(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    data_root: DataOfRuns = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Curves of sPRO over the false positive rate of pixels; needs the data set's annotations.

    Example: bench plot spro --dataset oct-phantom --out spro.pdf
    """
    from bench.plots import request, spro

    use_plugins(plugins)
    request.draw(spro.draw, out, width, results, _wanted(dataset, method, preset, seeds, view), data_root=data_root)


@app.command()
def timing(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    fit: Annotated[bool, typer.Option("--fit", help="Seconds of fitting instead of seconds per scored image.")] = False,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """AUROC against the runs' own, indicative seconds, with the line of methods that none beats in both.

    Example: bench plot timing --dataset oct-phantom --out timing.pdf
    """
    from bench.plots import request, timing

    wanted = _wanted(dataset, method, preset, seeds, view)
    request.draw(timing.draw, out, width, results, wanted, cost="fit" if fit else "score")


@app.command()
def training(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """What the training loops logged: a panel for each stage and figure.

    Example: bench plot training --dataset oct-phantom --method fanogan --out training.pdf
    """
    from bench.plots import request, training

    request.draw(training.draw, out, width, results, _wanted(dataset, method, preset, seeds, view))


@app.command()
def ranks(
    out: Out,
    dataset: Datasets = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """Average ranks over data sets with the critical difference; descriptive below six data sets.

    Example: bench plot ranks --method fanogan,izi,pca --out ranks.pdf
    """
    from bench.plots import ranks, request

    request.draw_over_datasets(ranks.draw, out, width, results, _wanted(dataset, method, preset, seeds, view))


@app.command()
def latent(
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    tsne: Annotated[bool, typer.Option("--tsne", help="t-SNE instead of principal components.")] = False,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> None:
    """Codes of the test images in two dimensions, by kind.

    Example: bench plot latent --dataset oct-phantom --method fanogan --out latent.pdf
    """
    from bench.plots import latent, request

    wanted = _wanted(dataset, method, preset, seeds, view)
    request.draw(latent.draw, out, width, results, wanted, projection="tsne" if tsne else "pca")


def _wanted(dataset: str | None, method: str | None, preset: str | None, seeds: str | None, view: str | None) -> Wanted:
    from bench.plots.selection import Wanted

    return Wanted(dataset, names(method or ""), preset, whole_numbers(seeds or "", "--seeds"), view)
