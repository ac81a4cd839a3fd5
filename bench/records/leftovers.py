"""What killed processes leave behind: known by the run's key in its name, removed by whoever holds the run's claim."""

from __future__ import annotations

import logging
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from bench.errors import ClaimedError
from bench.records.record import Record
from bench.records.store import RecordStore

_log = logging.getLogger("bench")
_OF_A_RUN = re.compile(r"(?:\.draft-|\.replaced-|\.)?(?P<key>[0-9a-f]{16})(?![0-9a-f])")


def sweep(store: RecordStore, key: str, is_done: bool) -> None:
    """Remove drafts and temporaries of a run's earlier attempts, and all that it worked with if it is done.

    An earlier result comes back that an attempt had put aside and not yet replaced.
    """
    store.bring_back(key)
    for path in _by_run(store.root).get(key, []):
        if is_done or path.name.startswith("."):
            _remove(path)


def tidy(records: Sequence[Record], store: RecordStore) -> None:
    """Sweep up after runs that are done and whose processes were killed before they could; raises ``OSError``."""
    found = _by_run(store.root)
    for record in records:
        claim = store.claim_of(record.spec)
        if record.key in found or claim.exists():
            with suppress(ClaimedError), store.claims.hold(claim):  # else somebody repeats it, and sweeps afterwards
                sweep(store, record.key, is_done=True)
                _log.warning("%s: swept up what a killed process left, though its run is done", record.key)
    for key in {key for record in records for key in record.stages.values()}:
        store.stages.tidy(key)


def _by_run(root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in _candidates(root):
        if match := _OF_A_RUN.match(path.name):
            found[match["key"]] += sorted(path.iterdir()) if path.name == match["key"] else [path]
    return {key: paths for key, paths in found.items() if paths}


def _candidates(root: Path) -> Iterator[Path]:
    """Whatever names a run, except claims and the locks that guard them."""
    for folder in (root / "work", root / "jobs"):
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if path.suffix not in (".claim", ".lock"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
