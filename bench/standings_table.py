"""Rankings as tables in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.pixel_tables import interval_text
from bench.standings import Standing, Standings


def standings_report(standings: Standings) -> RenderableType:
    """Best first; the best trivial baseline is a line across, and what lies below it is dim."""
    marks = f"  [yellow]({', '.join(standings.marks)})[/]" if standings.marks else ""
    head = f"[bold]{standings.dataset}[/], view {_views(standings)}{marks}"
    return Group(head, _table(standings), *_notes(standings))


def _table(standings: Standings) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    several = any(row.seeds > 1 for row in standings.rows)
    with_maps = any(row.au_spro is not None for row in standings.rows)
    for name in ("rank", "method", "AUROC", "seeds, range" if several else "95 % interval", "AP", "FPR@95TPR"):
        table.add_column(name, justify="left" if name in ("method", "95 % interval") else "right")
    for name in (["AU-sPRO@0.05"] if with_maps else []) + ["fit", "per image"]:
        table.add_column(name, justify="right")
    for rank, row in enumerate(standings.rows, start=1):
        table.add_row(str(rank), *_cells(row, with_maps), style=_style(standings, row))
    return table


def _cells(row: Standing, with_maps: bool) -> list[str]:
    area = ["–" if row.au_spro is None else f"{row.au_spro:.3f}"] if with_maps else []
    return [
        f"{escape(row.method)} (trivial)" if row.trivial else escape(row.method),
        f"{row.auroc:.3f}",
        interval_text(row.interval) if row.interval else f"{row.seeds}, {row.lowest:.3f} – {row.highest:.3f}",
        f"{row.average_precision:.3f}",
        f"{row.fpr_at_95_tpr:.3f}",
        *area,
        f"{row.fit_seconds:.1f} s",
        f"{row.seconds_per_image * 1000:.2f} ms",
    ]


def _style(standings: Standings, row: Standing) -> str:
    if row is standings.line:
        return "yellow"
    return "dim" if standings.is_below_line(row) else ""


def _views(standings: Standings) -> str:
    return ", ".join(dict.fromkeys(row.view for row in standings.rows)) or "–"


def _notes(standings: Standings) -> list[str]:
    notes = []
    line = standings.line
    if line:
        below = [row.method for row in standings.rows if standings.is_below_line(row)]
        text = f"below it: {', '.join(below)}" if below else "no method is below it"
        notes.append(f"line to beat  {line.auroc:.3f}, {line.method}; {text}")
    notes += [
        f"[red]{record.status}[/]  {record.spec.method}, seed {record.spec.seed}: {escape(record.reason or '')}"
        for record in standings.missing
    ]
    return [*notes, "times are of these runs on their devices, indicative; a shared stage counts for who trained it"]
