"""Job arrays handed to Slurm, each with a folder that tells what its tasks are, for whoever looks later.

results/slurm/<name>/<N>.json          the job of task N, as it was handed over
results/slurm/<name>/task.sh           what Slurm starts for each task
results/slurm/<name>/submission.json   the array's number and the runs' keys
results/slurm/<name>/<N>.txt           what a task printed before its log was open: empty, unless something is wrong
results/slurm/<name>/over              no task is left
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BaseModel

from bench.errors import StoreError
from bench.executors.processes import environment
from bench.executors.slurm_options import SlurmOptions
from bench.executors.slurm_queue import Task, call, tasks_of
from bench.jobs.job import Job, read_job
from bench.jobs.logs import HEADLINE
from bench.provenance import now
from bench.spec import Key
from bench.writing import replace_file

_GUARD = 300.0  # seconds that another command may take to submit


@dataclass(frozen=True)
class Submission:
    """One array in Slurm."""

    folder: Path
    array: str
    keys: tuple[str, ...]
    submitted: str
    timeout: float | None = None
    """Seconds after which the script ends a task."""

    @property
    def name(self) -> str:
        return self.folder.name

    def job(self, index: int) -> Job:
        return read_job(self.folder / f"{index}.json")

    def task_id(self, index: int) -> str:
        """As Slurm's commands take it."""
        return f"{self.array}_{index}"

    def token(self, index: int) -> str:
        """Of the claim that the task's process takes, in each attempt: Slurm never has two attempts at once."""
        return f"{self.name}-{index}"

    def tasks(self) -> dict[int, Task]:
        """What Slurm knows of its tasks. Raises ``UnreachableError``."""
        return tasks_of(self.array, f"bench-{self.name}")

    @cached_property
    def _mark(self) -> Path:
        return self.folder / "over"

    def active(self) -> dict[int, Task]:
        """Tasks that wait or run. Raises ``UnreachableError``."""
        if self._mark.exists():
            return {}
        found = {index: task for index, task in self.tasks().items() if not task.is_over}
        if not found:
            self._mark.touch()
        return found


@contextmanager
def one_at_a_time(results: Path) -> Iterator[None]:
    """Two commands on one results folder look for tasks and submit what is missing one after the other."""
    folder = results / "slurm"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=_GUARD):
            yield
    except Timeout as error:
        raise StoreError(f"Another command holds {folder / '.lock'} and does not let go.") from error


def submissions(results: Path) -> list[Submission]:
    """All of a results folder, newest first."""
    files = (results / "slurm").glob("*/submission.json")
    return sorted(map(_read, files), key=lambda found: (found.submitted, found.name), reverse=True)


class _Stated(BaseModel):
    """``submission.json``."""

    array: str
    keys: tuple[Key, ...]
    submitted: str
    timeout: float | None


def _read(file: Path) -> Submission:
    try:
        stated = _Stated.model_validate_json(file.read_bytes())
        return Submission(file.parent, stated.array, stated.keys, stated.submitted, stated.timeout)
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read as a submission to Slurm ({error}). Move its folder away.") from error


def submit(jobs: Sequence[Job], options: SlurmOptions) -> Submission:
    """One array of these jobs. Raises ``UnreachableError``, or ``ConfigError`` with Slurm's words."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:6]}"
    folder = jobs[0].results / "slurm" / name
    folder.mkdir(parents=True)
    for index, job in enumerate(jobs):
        job.write()
        job.log.parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{index}.json").write_text(job.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / "task.sh").write_text(_script(folder, jobs, options), encoding="utf-8")
    found = Submission(
        folder, _sbatch(folder, len(jobs), options), tuple(job.key for job in jobs), now(), options.timeout
    )
    stated = {"array": found.array, "submitted": found.submitted, "keys": found.keys, "timeout": found.timeout}
    with replace_file(folder / "submission.json") as temporary:
        temporary.write_text(json.dumps(stated, indent=2) + "\n")
    return found


def _sbatch(folder: Path, tasks: int, options: SlurmOptions) -> str:
    at_once = f"%{options.max_parallel}" if options.max_parallel else ""
    printed = call(
        "sbatch", "--parsable", f"--array=0-{tasks - 1}{at_once}", f"--job-name=bench-{folder.name}",
        f"--output={folder}/%a.txt", "--open-mode=append", *options.arguments(), str(folder / "task.sh"),
        environment=environment({}),
    )  # fmt: skip
    return printed.strip().partition(";")[0]  # the cluster's name may follow


def _script(folder: Path, jobs: Sequence[Job], options: SlurmOptions) -> str:
    """The shell becomes the run, so that Slurm's signals reach it."""
    logs = "\n".join(
        f"{i}) log={shlex.quote(str(job.log))} label={shlex.quote(job.label)} ;;" for i, job in enumerate(jobs)
    )
    limit = f"timeout --foreground --kill-after={options.grace:g} {options.timeout:g} " if options.timeout else ""
    return f"""#!/bin/sh
# A task of 'bench run --executor slurm'; {len(jobs)} in all.
case $SLURM_ARRAY_TASK_ID in
{logs}
esac
threads={options.cpus}
if [ "${{OMP_NUM_THREADS:-$threads}}" -gt "$threads" ]; then unset OMP_NUM_THREADS; fi
export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-$threads}}" MKL_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads"
task="${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
exec >> "$log" 2>&1
echo "{HEADLINE}$(date -u +%Y-%m-%dT%H:%M:%SZ) $label, on $SLURMD_NODENAME, task $task"
exec {limit}{shlex.quote(sys.executable)} -X faulthandler -m bench.worker \\
    {shlex.quote(str(folder))}/"$SLURM_ARRAY_TASK_ID".json \\
    --unless-recorded --claim {folder.name}-"$SLURM_ARRAY_TASK_ID"
"""
