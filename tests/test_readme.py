"""The tables of the README name every method and data set there is, and call measured what stands in ``results/``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench import registry

CHECKOUT = Path(__file__).parents[1]


def rows(heading: str) -> dict[str, str]:
    """Status by name, of a table of the README."""
    section = (CHECKOUT / "README.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name.split(":")[0]: cells[-1].strip() for cells in table for name in re.findall(r"`([\w<>:-]+)`", cells[0])}


def measured(part: str) -> set[str]:
    records = (json.loads(file.read_text()) for file in (CHECKOUT / "results/measured").glob("runs/*/*/*/record.json"))
    return {record["spec"][part].split(":")[0] for record in records if record["status"] == "done"}


@pytest.mark.parametrize(("kind", "heading"), [("method", "Methods"), ("dataset", "Data sets")])
def test_the_readme_names_them_all_and_says_what_was_measured(kind, heading):
    status = rows(heading)
    ours = [entry for entry in registry.entries(kind).values() if CHECKOUT / f"{kind}s" in Path(entry.file).parents]
    assert set(status) == {entry.name.split(":")[0] for entry in ours}
    assert {name for name, said in status.items() if "measured" in said} == measured(kind)
