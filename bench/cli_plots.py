"""``bench plot``: figures for papers, from records alone. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli_options import DataRoot, Debug, Plugins, Results, names, use_plugins, whole_numbers

if TYPE_CHECKING:
    from bench.plots.output import Drawing
    from bench.plots.selection import Wanted

app = typer.Typer(help="Draw figures for papers from records; their numbers are written beside them.", no_args_is_help=True)

Dataset = Annotated[str | None, typer.Option(help="Data set, with its category: oct-phantom or mnist:1.")]
Datasets = Annotated[str | None, typer.Option(help="Data set, or a list: mnist:0,mnist:1. Default: all in the records.")]
Methods = Annotated[str | None, typer.Option("--method", help="Method, or a list: fanogan,izi. Default: all there are.")]
Preset = Annotated[str | None, typer.Option(help="Preset of the runs, where the records hold several.")]
View = Annotated[str | None, typer.Option(help="View of the runs, where the records hold several.")]
Seeds = Annotated[str | None, typer.Option(help="Seed, or a list: 0,1,2. Default: all there are.")]
Out = Annotated[Path, typer.Option(help="Figure to write: .pdf, .svg or .png. A .csv of the same name goes beside it.")]
WidthOption = Annotated[str, typer.Option("--width", help="column (88 mm), text (180 mm) or slide (254 mm).")]


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


def _wanted(dataset: str | None, method: str | None, preset: str | None, seeds: str | None, view: str | None) -> Wanted:
    from bench.plots.selection import Wanted

    return Wanted(dataset, names(method or ""), preset, whole_numbers(seeds or "", "--seeds"), view)
