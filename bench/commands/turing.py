"""``bench turing``: parse, call one function, print. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bench.commands.options import DataOfRuns, Debug, Json, Plugins, Results, data_roots, print_json, use_plugins


class RunOrCommand(TyperGroup):
    """``bench turing RUN`` stands for ``bench turing make RUN``: a first word that is no command is a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer keeps the type to itself
        if args and args[0] not in (*self.commands, *self.get_help_option_names(ctx)):
            args = ["make", *args]
        return super().parse_args(ctx, args)


class RealPart(StrEnum):
    """Where real images may come from."""

    test = "test"
    train = "train"


app = typer.Typer(
    cls=RunOrCommand,
    help="Ask people whether they can tell generated images from real ones: bench turing RUN, then bench turing score.",
    no_args_is_help=True,
)


@app.command()
def make(
    run: Annotated[str, typer.Argument(help="Folder of a record, or the beginning of its key.")],
    n: Annotated[int, typer.Option("--n", help="Images, half of them real.")] = 60,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("quiz.html"),
    seed: Annotated[int, typer.Option(min=0, help="Decides which images, and their order.")] = 0,
    real: Annotated[RealPart, typer.Option(help="Take the real ones from the normal images of this part.")] = (
        RealPart.test
    ),
    data_root: DataOfRuns = None,
    results: Results = Path("results"),
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a quiz of real and generated images as one web page; ask classifiers the same question. The word make may
    be left out.

    Example: bench turing 8b05c56b --n 60 --out quiz.html
    """
    from bench.progress import reporter
    from bench.records.export import find_run
    from bench.records.store import RecordStore
    from bench.tables import show
    from bench.turing.making import write_quiz
    from bench.turing.tables import made_report

    use_plugins(plugins)
    made = write_quiz(find_run(run, RecordStore(results)), n, out, seed, real.value, data_roots(data_root), reporter())
    if as_json:
        print_json([made.as_dict()])
    else:
        show(made_report(made))


@app.command()
def score(
    files: Annotated[list[Path], typer.Argument(help="Files that raters saved from one quiz.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score the verdicts of one or more raters, and how far they agree.

    Example: bench turing score turing-*.json
    """
    from dataclasses import asdict

    from bench.tables import show
    from bench.turing.scoring import score as scored
    from bench.turing.tables import score_report
    from bench.turing.verdicts import read_verdicts

    found = scored(read_verdicts(files))
    if as_json:
        print_json([asdict(found)])
    else:
        show(score_report(found))
