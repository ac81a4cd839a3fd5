"""Whether stored results still are what they say: checksums, figures computed again, boards written again.

``bench verify results`` reads a folder of records, or one whose ``measured/`` holds the records and which itself holds
boards made from them. Nothing is believed that can be computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.boards.leaderboard import Known
from bench.boards.measures import MEASURES
from bench.errors import ConfigError, StoreError
from bench.progress import Reporter
from bench.records.checksums import SUMS, changed_files
from bench.records.saved import SavedRun
from bench.records.store import RecordStore
from bench.verification.boards import changed_boards
from bench.verification.figures import changed_figures
from bench.verification.finding import Finding, Verified

MEASURED = "measured"
"""The folder of records beside boards."""

_UNREADABLE = ("records", "files")
"""No board can be written again from these."""


def verify(folder: Path, reporter: Reporter) -> Verified:
    """Check everything below ``folder``; raises ``ConfigError`` where there are neither records nor boards."""
    records = folder / MEASURED if (folder / MEASURED).is_dir() else folder
    if not (records / "runs").is_dir():
        raise ConfigError(
            f"Expected records below {records / 'runs'}, found none. Name the folder given by --results, or one that"
            f" holds {MEASURED}/ and boards: bench verify results"
        )
    store, damaged = RecordStore(records), list[Finding]()
    known = Known.read(store, on_damage=lambda error: damaged.append(Finding("records", str(records), str(error))))
    found = [*damaged, *_of_files(records), *_of_runs(known.runs, reporter)]
    boards = 0
    if records != folder and not any(finding.check in _UNREADABLE for finding in found):
        boards, changed = changed_boards(folder, known, list(MEASURES.values()))
        found += changed
    return Verified(len(known.runs), boards, (records / SUMS).is_file(), tuple(found))


def _of_files(records: Path) -> Iterator[Finding]:
    if (records / SUMS).is_file():
        yield from (Finding("checksums", str(file), what) for file, what in changed_files(records))


def _of_runs(runs: Sequence[SavedRun], reporter: Reporter) -> Iterator[Finding]:
    with reporter.stage("runs", len(runs)) as progress:
        for n, run in enumerate(runs, 1):
            yield from _of_run(run)
            progress.update(n)


def _of_run(run: SavedRun) -> Iterator[Finding]:
    where = str(run.record.folder)
    if run.record.spec.key != run.record.key or run.record.folder.name != run.record.key:
        yield Finding("key", where, f"expected {run.record.spec.key} by what the record says was run")
    try:
        for name in run.record.files:
            run.file(name)
        yield from changed_figures(run)
    except StoreError as error:
        yield Finding("files", where, str(error))
