"""What ``bench data`` found, as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.data.audit import Finding
from bench.data.requests import Audited
from bench.data.status import DataStatus, size_text
from bench.data.transfer import file_name

_SHOWN = {"ok": 20, "note": 8, "problem": 20}
_STATE_STYLE = {"found": "green", "nothing to download": "green", "broken": "red"}
_LEVEL_STYLE = {"ok": "green", "note": "yellow", "problem": "red"}


def statuses_report(statuses: Sequence[DataStatus]) -> RenderableType:
    """A line for each data set; everything that is known if it is one alone."""
    if len(statuses) == 1:
        return _status_report(statuses[0])
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("name", "data", "download", "licence", "where"):
        table.add_column(name, overflow="fold")
    for s in statuses:
        size = size_text(s.download_size) if s.downloads else ""
        where = s.problem or str(s.found or "; ".join(f"not in {place}" for place in s.places))
        table.add_row(s.name, _coloured(s), size, escape(s.licence), escape(where))
    return Group(table, "More of one: bench data status NAME. To fetch it: bench data get NAME.")


def _coloured(status: DataStatus) -> str:
    return f"[{_STATE_STYLE.get(status.state, 'yellow')}]{status.state}[/]"


def _status_report(status: DataStatus) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _status_rows(status):
        if text:
            table.add_row(name, text)
    return table


def _status_rows(status: DataStatus) -> Iterator[tuple[str, str]]:
    yield status.name, escape(status.summary)
    yield "data", _coloured(status)
    yield "problem", escape(status.problem or "")
    yield "found at", escape(str(status.found or ""))
    yield "looked in", escape("\n".join(map(str, status.places)))
    yield "needs", escape(status.needs)
    yield "bench data get", escape("\n".join(f"{file_name(d)}, {size_text(d.size)}, {d.url}" for d in status.downloads))
    yield "licence", escape(status.licence)
    yield "cite", escape(status.citation)
    yield "leakage", escape(status.leakage)


def audit_report(audited: Audited) -> RenderableType:
    """What ``bench data check`` found; problems come last, where they are seen."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for f in sorted(audited.findings, key=lambda f: f.level == "problem"):
        table.add_row(f"[{_LEVEL_STYLE[f.level]}]{f.level}[/]", f.topic, escape(_with_items(f)))
    problems = sum(f.level == "problem" for f in audited.findings)
    return Group(f"[bold]{audited.label}[/]", table, f"{problems} problem(s)" if problems else "No problems.")


def _with_items(finding: Finding) -> str:
    shown = _SHOWN[finding.level]
    more = [f"… and {len(finding.items) - shown} more"] if len(finding.items) > shown else []
    return "\n  ".join((finding.text, *finding.items[:shown], *more))
