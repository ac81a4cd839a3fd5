"""Makes a command of a function that draws: it gets the options that every figure has, beside the function's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.commands.options import Debug, Results, names, whole_numbers
from bench.plots.request import FigureRequest, Wanted

Command = Callable[..., None]

Dataset = Annotated[str | None, typer.Option(help="Data set, with its category: oct-phantom or mnist:1.")]
Datasets = Annotated[
    str | None, typer.Option(help="Data set, or a list: mnist:0,mnist:1. Default: all in the records.")
]
Methods = Annotated[
    str | None, typer.Option("--method", help="Method, or a list: fanogan,izi. Default: all there are.")
]
Preset = Annotated[str | None, typer.Option(help="Preset of the runs, where the records hold several.")]
Precision = Annotated[str | None, typer.Option(help="Precision of the runs, where the records hold several.")]
Seeds = Annotated[str | None, typer.Option(help="Seed, or a list: 0,1,2. Default: all there are.")]
View = Annotated[str | None, typer.Option(help="View of the runs, where the records hold several.")]
Out = Annotated[Path, typer.Option(help="Figure to write: .pdf, .svg or .png. A .csv of the same name goes beside it.")]
WidthOption = Annotated[str, typer.Option("--width", help="column (88 mm), text (180 mm) or slide (254 mm).")]


def _request(
    *,
    out: Out,
    dataset: Dataset = None,
    method: Methods = None,
    preset: Preset = None,
    seeds: Seeds = None,
    view: View = None,
    precision: Precision = None,
    results: Results = Path("results"),
    width: WidthOption = "column",
    debug: Debug = False,
) -> FigureRequest:
    """The options of every figure, as ``bench plot NAME --help`` shows them."""
    wanted = Wanted(dataset, names(method or ""), preset, whole_numbers(seeds or "", "--seeds"), view, precision)
    return FigureRequest(wanted, results, out, width)


_LAST = 3
"""Of these options stand below a figure's own in its help: where records lie, width, debug."""


def figure(app: typer.Typer, *, width: str = "column", dataset: object = Dataset) -> Callable[[Command], Command]:
    """Register a function as a command; its first argument is the request, the others become options of its own.

    Args:
        app: The commands that it joins, by its name.
        width: Default of ``--width``.
        dataset: What ``--dataset`` takes: ``Dataset``, or ``Datasets`` for a figure over several.
    """

    def register(draw: Command) -> Command:
        own, shared = _options(draw)[1:], _options(_request)

        @wraps(draw)
        def command(**given: Any) -> None:  # noqa: ANN401 - typer makes them of the signature
            of_its_own = {each.name: given.pop(each.name) for each in own}
            draw(_request(**given), **of_its_own)

        changed: dict[str, dict[str, Any]] = {"width": {"default": width}, "dataset": {"annotation": dataset}}
        shared = [each.replace(**changed.get(each.name, {})) for each in shared]
        _declare(command, [*shared[:-_LAST], *own, *shared[-_LAST:]])
        return app.command()(command)

    return register


def _options(function: Callable[..., object]) -> list[Parameter]:
    found = signature(function, eval_str=True).parameters.values()
    return [each.replace(kind=Parameter.KEYWORD_ONLY) for each in found]


def _declare(command: Command, parameters: list[Parameter]) -> None:
    """Give it the signature that typer reads."""
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
