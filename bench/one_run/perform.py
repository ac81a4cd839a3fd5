"""One run, start to finish: seed, fit, score, measure, record; whatever comes of it becomes a row."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.data.opening import OpenedDataset
from bench.errors import ClaimedError
from bench.one_run.answers import measure, score
from bench.one_run.fitting import decode, fit, limit_threads, seed_generators
from bench.one_run.outcome import record_done, record_failure
from bench.one_run.state import Run
from bench.precision import computing_in
from bench.progress import Reporter
from bench.records.leftovers import sweep
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.spec import RunSpec
from bench.stopping import StopRequest
from bench.training.services import CheckpointLostError


def perform(
    spec: RunSpec,
    data: OpenedDataset,
    store: RecordStore,
    device: torch.device,
    reporter: Reporter,
    stop: StopRequest,
    *,
    study: str | None = None,
    waits: bool = True,
    answered: Callable[[], Record | None] = lambda: None,
) -> Record:
    """Do the run and store its record, whatever comes of it.

    ``answered`` is asked once the run is claimed, for whoever had the claim until then may have done it: a record that
    it returns is returned in place of a run. ``study`` is the digest of a ``--config`` file.

    Raises ``ClaimedError`` when another process does this run, or trains a stage of it and this one is not to wait
    (``waits``), and ``OSError`` where the results folder cannot be written: whatever else goes wrong is in the record.
    """
    with store.claim(spec) as work:
        if record := answered():
            return record
        sweep(store, spec.key, is_done=False)
        run = Run(spec, data, store, device, reporter, stop, work, study, waits)
        try:
            try:
                return _fit_score_record(run)
            except CheckpointLostError:
                return _fit_score_record(run)  # once more, from the start
        except ClaimedError:
            raise  # another process is at it: no result, and no failure
        except BaseException as error:  # noqa: BLE001 - the boundary of a run: every failure becomes a row
            return record_failure(run, error)


def _fit_score_record(run: Run) -> Record:
    limit_threads()
    seed_generators(run.spec.seed)
    caches = decode(run)
    with computing_in(run.spec.precision, run.device):
        detector = fit(run, caches)
        scored = score(run, detector, caches)
        metrics, measurement = measure(run, scored)
        # Within, for it asks the detector once more: what it redraws must be what was scored.
        return record_done(run, detector, caches, scored, metrics, measurement)
