"""What became of the checks, as a table in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.conformance.findings import Finding

_STYLE = {"ok": "green", "failed": "red", "not checked": "yellow"}


def findings_table(method: str, findings: Sequence[Finding]) -> RenderableType:
    """One line for each check, and how many were kept."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("check", "result", escape(method)):
        table.add_column(name, no_wrap=name in ("check", "result"))
    for finding in findings:
        table.add_row(finding.check, f"[{_STYLE[finding.state]}]{finding.state}[/]", escape(finding.text))
    counts: Counter[str] = Counter(finding.state for finding in findings)
    return Group(table, ", ".join(f"{counts[state]} {state}" for state in _STYLE if counts[state]))
