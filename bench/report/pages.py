"""Templates filled and written. Every name and text is escaped unless a template says otherwise, and none does."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

ASSETS = "assets"


def copy_assets(folder: Path) -> None:
    """Style sheet, scripts and the bundled plotting library with its licence."""
    with as_file(files("bench.report") / ASSETS) as source:
        shutil.copytree(source, folder / ASSETS)


def write_page(site: Path, path: str, template: str, **content: Any) -> None:  # noqa: ANN401 - whatever templates take
    """Fill ``template`` and write it to ``path``, relative to the site; ``root`` leads from there to the site."""
    target = site / path
    target.parent.mkdir(parents=True, exist_ok=True)
    root = "../" * path.count("/")
    target.write_text(_environment().get_template(template).render(root=root, **content), encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
