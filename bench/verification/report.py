"""What ``bench verify`` ends with."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape

from bench.records.checksums import SUMS
from bench.verification.finding import Finding, Verified


def report(verified: Verified) -> RenderableType:
    """What differs, one below the other, and what was looked at."""
    return Group(*(_line(finding) for finding in verified.findings), _summary(verified))


def _line(finding: Finding) -> str:
    return f"[red]{finding.check}[/]  {escape(finding.where)}\n    {escape(finding.what)}"


def _summary(verified: Verified) -> str:
    looked_at = f"{verified.runs} runs and {verified.boards} files of boards"
    if verified.findings:
        return f"[red]{len(verified.findings)} difference(s)[/] in {looked_at}."
    sums = "" if verified.has_checksums else f" Without {SUMS} beside them, no checksum of the records themselves."
    return f"[green]All as recorded[/]: {looked_at}.{sums}"
