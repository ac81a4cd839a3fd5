"""Records and plans as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from bench.contracts import Published
from bench.doctor import Finding
from bench.grid.planning import PlannedRun, counts_line
from bench.interval_text import interval_text
from bench.pixel_tables import pixel_report
from bench.records.record import Counts, Metrics, Record, ScoreMetrics
from bench.registry import Entry

_STATE_STYLE = {"done": "green", "blocked": "red", "failed": "red", "diverged": "red", "damaged": "red"}


def record_report(record: Record) -> RenderableType:
    """One run: figures with their intervals, counts, times, and where the record lies."""
    title = f"[bold]{record.spec.method}[/] on [bold]{record.spec.dataset_label}[/], seed {record.spec.seed}"
    marks = ", ".join(record.marks())
    head = f"{title}, view {record.spec.view}" + (f"  [yellow]({marks})[/]" if marks else "")
    if record.metrics is None or record.counts is None:
        return Group(head, f"[red]{record.status}[/]: {escape(record.reason or '')}", f"record  {record.folder}")
    pixel = [pixel_report(record.metrics.pixel)] if record.metrics.pixel else []
    return Group(
        head, _scores_table(record.metrics), _kinds_line(record.metrics), *_decision_lines(record.metrics), *pixel,
        _counts_line(record.counts, record), *_method_lines(record), _seconds_line(record), _record_line(record),
    )  # fmt: skip


def _scores_table(metrics: Metrics) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("images, mean of kinds" if metrics.is_mean_of_kinds else "images")
    for name in ("AUROC", "95 % interval", "AP", "FPR@95TPR"):
        table.add_column(name, justify="left" if name == "95 % interval" else "right")
    table.add_row(*_score_cells("score", metrics.score), style="bold")
    for name, part in metrics.parts.items():
        table.add_row(*_score_cells(f"  {name}", part))
    return table


def _score_cells(name: str, m: ScoreMetrics) -> list[str]:
    interval = interval_text(m.auroc_interval)
    return [name, f"{m.auroc:.3f}", interval, f"{m.average_precision:.3f}", f"{m.fpr_at_95_tpr:.3f}"]


def _kinds_line(metrics: Metrics) -> str:
    kinds = ", ".join(f"{escape(kind)} {row['score']:.3f}" for kind, row in metrics.auroc_by_kind.items())
    mean = f", mean {metrics.score.auroc:.3f}" if metrics.is_mean_of_kinds else ""
    return f"by kind     AUROC {kinds}{mean}"


def _decision_lines(metrics: Metrics) -> list[str]:
    point = metrics.operating_point
    if point is None:
        return []
    return [
        f"decisions   sensitivity {point.sensitivity:.3f}, specificity {point.specificity:.3f} at the"
        f" {metrics.threshold_quantile:.0%} quantile of normal validation images"
    ]


def _counts_line(counts: Counts, record: Record) -> str:
    groups = f", {counts.test_groups} {record.facts.get('group', 'group')}s" if counts.test_groups else ""
    learnt = f"train {counts.train}, validation {counts.val}; " if counts.train else ""
    return (
        f"images      test {counts.test_normal} normal + {counts.test_anomalous} anomalous{groups};"
        f" {learnt}interval: {escape(_interval_method(record))}"
    )


def _method_lines(record: Record) -> list[str]:
    return [f"method      {escape(name)}: {escape(str(fact))}" for name, fact in record.method_facts.items()]


def _interval_method(record: Record) -> str:
    return record.metrics.score.auroc_interval.method if record.metrics else ""


def _record_line(record: Record) -> str:
    return f"record      {record.folder}" if record.is_stored else "record      none; keep it with --save NAME"


def _seconds_line(record: Record) -> str:
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in record.seconds.items())
    return f"time        {times} on {record.provenance.get('device', '?')}"


def plan_report(runs: Sequence[PlannedRun]) -> RenderableType:
    """The plan with its counts and, for each run, the reason."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("method", "data set", "seed", "view", "state", "reason"):
        table.add_column(name, overflow="fold")
    blocked: dict[str, str] = {}
    for run in runs:
        reason = run.reason.splitlines()[0]
        if run.state == "blocked":
            blocked[run.dataset] = run.reason
        state = f"[{_STATE_STYLE.get(run.state, 'cyan')}]{run.state}[/]"
        view = run.spec.view if run.spec else ""
        table.add_row(run.method, run.dataset, str(run.seed), view, state, escape(reason))
    return Group(table, counts_line(runs), *map(escape, dict.fromkeys(blocked.values())))


def troubles_report(records: Sequence[Record], results: Path) -> RenderableType | None:
    """Runs that did not end well, each with its reason and where its log lies; ``None`` where all did."""
    troubled = [record for record in records if record.status != "done"]
    lines: list[str] = []
    for record in troubled:
        name = f"{record.spec.method} on {record.spec.dataset_label}, seed {record.spec.seed}"
        reason, _, _ = (record.reason or "").partition("\n")
        lines.append(f"  [red]{record.status}[/] {escape(name)}: {escape(reason)}")
        log = results / "logs" / f"{record.key}.log"
        lines += [f"    log {escape(str(log))}"] if log.is_file() else []
    return Group(f"{len(troubled)} of {len(records)} runs did not end well:", *lines) if troubled else None


def entries_report(entries: Sequence[Entry]) -> RenderableType:
    """Name, one line, what it needs."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    table.add_column("needs", overflow="fold")
    for entry in entries:
        table.add_row(
            entry.name + _choices(entry), escape(entry.summary), escape(entry.facts.get("needs") or "nothing")
        )
    return table


def _choices(entry: Entry) -> str:
    return f":{entry.categories[0]}…{entry.categories[-1]}" if entry.categories else ""


def parameters_report(
    name: str, parameters: Sequence[Mapping[str, Any]], published: Mapping[str, Published]
) -> RenderableType:
    """What ``--set`` takes, with the default of each preset; and where a published preset is from."""
    if not parameters:
        return f"{name} has no parameters"
    presets = list(dict.fromkeys(preset for row in parameters for preset in row["presets"]))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("--set", "default", *presets, "meaning"):
        table.add_column(column, overflow="fold", no_wrap=column == "--set")
    for row in parameters:
        values = [row["presets"].get(preset, "") for preset in presets]
        table.add_row(*(escape(str(cell)) for cell in (row["key"], row["default"], *values, row["meaning"])))
    return Group(table, *(_published_lines(preset, facts) for preset, facts in published.items()))


def _published_lines(preset: str, facts: Published) -> str:
    return escape(f"\n--preset {preset}, view {facts.view}\n  from      {facts.source}\n  unknown   {facts.unknown}")


def findings_report(findings: Sequence[Finding]) -> RenderableType:
    """What ``bench doctor`` found; what stops a run comes last, where it is seen."""
    style = {"ok": "green", "note": "yellow", "stops": "red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for f in sorted(findings, key=lambda f: f.level == "stops"):
        table.add_row(f"[{style[f.level]}]{f.level}[/]", f.topic, escape(f.text))
    stops = sum(f.level == "stops" for f in findings)
    return Group(table, f"{stops} thing(s) would stop a run" if stops else "Nothing would stop a run.")


def show(content: RenderableType, console: Console | None = None) -> None:
    """Print on standard output; a pipe has room for long lines."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(content)
