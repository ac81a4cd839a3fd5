"""``bench data``: parse, call one function, print. Heavy packages are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import DataRoot, Debug, Json, Plugins, Set, data_roots, print_json, use_plugins

app = typer.Typer(help="Find, fetch and check data sets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Data set, with its category where it has some: oct or mnist:1.")]


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="Data set; without one, all of them.")] = None,
    data_root: DataRoot = None,
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show where data sets are looked for, which are there, and on what terms the others may be had.

    Example: bench data status hyper-kvasir
    """
    from bench.data.status import statuses
    from bench.data.tables import statuses_report
    from bench.tables import show

    use_plugins(plugins)
    found = statuses(name, data_roots(data_root))
    if as_json:
        print_json([each.as_dict() for each in found])
    else:
        show(statuses_report(found))


@app.command()
def get(
    name: Name,
    data_root: Annotated[
        list[str] | None,
        typer.Option(help="Folder to put it in, or NAME=DIR. Default: $BENCH_DATA/NAME, else the user's cache."),
    ] = None,
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Fetch a data set's public files, verify and unpack them; print the folder they lie in.

    The licence is shown first. Nothing is fetched twice.

    Example: bench data get medmnist
    """
    from bench.data.download import get as fetch
    from bench.data.opening import named
    from bench.data.roots import root_of
    from bench.progress import reporter

    use_plugins(plugins)
    dataset = named(name)
    root = fetch(dataset, root_of(data_roots(data_root), dataset), reporter())
    if root:
        print(root)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Data set: oct, mnist:1 or mnist:all.")],
    data_root: DataRoot = None,
    setting: Set = None,
    plugins: Plugins = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Decode every image and mask; compare counts with the published ones and all images with each other.

    Ends with status 1 if there is a problem.

    Example: bench data check folder --data-root photos
    """
    from bench.data.requests import audit_requested
    from bench.data.tables import audit_report
    from bench.progress import reporter
    from bench.tables import show

    use_plugins(plugins)
    has_problem = False
    for audited in audit_requested(name, data_roots(data_root), setting or [], reporter()):
        if as_json:
            print_json(audited.as_dicts())
        else:
            show(audit_report(audited))
        has_problem |= audited.has_problem
    raise typer.Exit(int(has_problem))


@app.command()
def split(
    name: Name,
    data_root: DataRoot = None,
    setting: Set = None,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output without it.")] = None,
    plugins: Plugins = None,
    debug: Debug = False,
) -> None:
    """Write as CSV which images are learnt from, set thresholds and are tested; its SHA-256 goes to standard error.

    Every run keeps the same text as split.csv.

    Example: bench data split mnist:1 --out split.csv
    """
    from bench.data.requests import open_requested, split_summary, write_manifest
    from bench.images import manifest
    from bench.progress import reporter

    use_plugins(plugins)
    opened = open_requested(name, data_roots(data_root), setting or [])
    if out:
        write_manifest(opened, out)
    else:
        print(manifest(opened.split), end="")
    reporter().say(split_summary(opened))
