"""A record for each run of a study that nobody made, as large as a real one; started by ``scale.py``.

    python benchmarks/made_up_records.py DIR METHODS DATASETS SEEDS IMAGES

Plans and keys are the suite's own, and so are the files beside a record; only the scores are drawn at random.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from made_up_study import MadeUpStudy

import bench.plugins
from bench.grid.planning import PlannedRun, plan
from bench.grid.request import Request
from bench.judging.evaluation import evaluate
from bench.provenance import provenance
from bench.records import artifacts
from bench.records.record import SCORE, Columns, Counts, Record, facts_of
from bench.records.store import RecordStore


def main() -> None:
    folder, *sizes = sys.argv[1:]
    study = MadeUpStudy(Path(folder), *map(int, sizes))
    study.write_plugins()
    bench.plugins.add_folder(study.plugins)
    store = RecordStore(study.results)
    request = Request(study.method_names(), study.dataset_names(), range(study.seeds))
    for run in plan(request, store):
        _write_record(run, store)


def _write_record(run: PlannedRun, store: RecordStore) -> None:
    assert run.spec and run.data
    split, columns = run.data.split, scores_of(run)
    record = Record(
        key=run.spec.key, spec=run.spec, status="done", synthetic=True, protocol_name=split.protocol,
        facts=facts_of(split), settings={}, counts=Counts.of(split),
        metrics=evaluate(split.test, columns["test"], columns["val"], average_kinds=False),
        seconds={"data": 1.0, "fit": 60.0, "score": 2.0, "metrics": 0.5}, provenance=_here(),
        started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:02:00+00:00",
    )  # fmt: skip
    with store.drafting(record.key) as draft:
        artifacts.write_split(draft, split)
        artifacts.write_scores(draft, split, columns)
        artifacts.write_training(draft, [])
        store.write(record, draft)


@cache
def _here() -> dict[str, Any]:
    return provenance("cpu")


def scores_of(run: PlannedRun) -> dict[str, Columns]:
    """Normal numbers, those of anomalous images higher by what the method is worth."""
    assert run.data
    strength, name = int(run.method[-2:]) / 20, f"{run.method} {run.dataset}"
    rng = np.random.default_rng([run.seed, *name.encode()])
    split = run.data.split
    lifted = np.array([sample.label for sample in split.test]) * strength
    return {"val": {SCORE: rng.normal(size=len(split.val))}, "test": {SCORE: rng.normal(size=len(lifted)) + lifted}}


if __name__ == "__main__":
    main()
