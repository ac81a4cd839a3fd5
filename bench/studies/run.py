"""A study carried out: planned, handed to its executor, collected from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.devices import default_preset, resolve_device
from bench.errors import DataError
from bench.executors import Left, make_executor, make_options, require_leavable
from bench.files import require_cache
from bench.grid.execution import execute, make_job, make_way
from bench.grid.planning import PlannedRun, plan
from bench.grid.request import Request
from bench.precision import require_precision
from bench.progress import Reporter
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.studies.file import StudyFile
from bench.studies.study import Study, keep


@dataclass(frozen=True)
class PlannedStudy:
    """What is asked for, and what the results folder holds of it."""

    study: Study
    store: RecordStore
    runs: Sequence[PlannedRun]

    def leave(self, reporter: Reporter, file: StudyFile | None = None) -> list[Left]:
        """Hand over what is to be done; raises as ``execute`` does, and ``ConfigError`` where it cannot be left."""
        study = self.study
        require_leavable(study.executor_name)
        require_unblocked(self.runs)
        to_do = [run for run in self.runs if run.is_to_do]
        executor = make_executor(study.executor_name, study.executor_options, study.device, len(to_do), reporter)
        self.store.require_writable()
        make_way(self.runs, self.store, reporter)
        digest = keep(file, self.store) if file else None
        return executor.leave([make_job(run, self.store, digest) for run in to_do])

    def execute(self, reporter: Reporter, file: StudyFile | None = None) -> list[Record]:
        """Do what is to be done; returns every run's record. Raises ``BenchError`` before anything is run.

        ``file``, if the study came from one, is kept beside the records.
        """
        require_unblocked(self.runs)
        to_do, study = sum(run.is_to_do for run in self.runs), self.study
        executor = make_executor(study.executor_name, study.executor_options, study.device, to_do, reporter)
        self.store.require_writable()
        if to_do and executor.works_here:
            require_cache()
        digest = keep(file, self.store) if file else None
        return execute(self.runs, self.store, executor, reporter, digest)


def plan_study(study: Study, reporter: Reporter, force: bool = False) -> PlannedStudy:
    """Compare the study with its results folder; raises ``BenchError`` where it cannot be planned."""
    brings_gpu, device = _brings_gpu(study), resolve_device(study.device)
    preset = study.preset or ("standard" if brings_gpu else default_preset(device))
    if study.preset is None and preset == "quick":
        reporter.say("No GPU: taking --preset quick, which is for trying out, not for claims.")
    request = Request(
        methods=study.methods, datasets=study.datasets, seeds=study.seeds, preset=preset, settings=study.settings,
        view=study.view, data_root=study.roots(), force=force,
        precision=require_precision(study.precision, "cuda" if brings_gpu else device.type),
    )  # fmt: skip
    store = RecordStore(study.results)
    return PlannedStudy(study, store, plan(request, store))


def _brings_gpu(study: Study) -> bool:
    return make_options(study.executor_name, study.executor_options).brings_gpu


def require_unblocked(runs: Sequence[PlannedRun]) -> None:
    """Raise the first reason why a run cannot be done: better before a night's grid than in it."""
    blocked = [run for run in runs if run.state == "blocked"]
    if blocked:
        raise DataError(blocked[0].reason)
