"""What became of a task, by what Slurm says of it and by the store."""

from __future__ import annotations

from bench.durations import shown
from bench.executors import Ended
from bench.executors.processes import how_it_ended
from bench.executors.slurm_queue import Task
from bench.jobs.job import BUSY, Job
from bench.records.claims import Claims
from bench.records.store import RecordStore

_BY_TIMEOUT = (124, 137)  # exit statuses of the command timeout: ended when asked to, or killed
_EARLY = 65.0  # seconds that Slurm may send its warning before it is due, and be late to say so
_REASONS = {
    "OUT_OF_MEMORY": "used more memory than Slurm gave it (--memory)",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "preempted by Slurm; the same command resumes it",
    "CANCELLED": "cancelled in Slurm; the same command resumes it",
    "DEADLINE": "Slurm's deadline for it passed",
    "BOOT_FAIL": "its node did not start",
}
_RESUMABLE = ("PREEMPTED", "CANCELLED", "NODE_FAIL")


def how_a_task_ended(job: Job, token: str, task: Task | None, timeout: float | None, again: bool) -> Ended:
    """``task`` is what Slurm says last, ``None`` if it does not know it any more; ``token`` is of the task's claim.

    ``timeout``: seconds after which the script ends a task. ``again``: a run that was left to another process may be
    handed over again.
    """
    if task is None:
        answered = RecordStore(job.results).answered_since(job.spec, job.seen)
        reason = "Slurm does not know its task any more, and it left no record"
        return Ended(job, 0 if answered else None, reason, claim=token)
    if task.exit_status == BUSY and (again or _is_held(job, token)):
        return Ended(job, BUSY)
    if late := _time_is_over(job, task, timeout):
        return Ended(job, task.exit_status, late, timed_out=True, claim=token)
    reason = _REASONS.get(task.state) or _reason(task)
    return Ended(job, task.exit_status, reason, interrupted=task.state in _RESUMABLE, claim=token)


def _is_held(job: Job, token: str) -> bool:
    store = RecordStore(job.results, Claims(token))
    return not store.claims.is_free(store.claim_of(job.spec))


def _time_is_over(job: Job, task: Task, timeout: float | None) -> str | None:
    """Why it was ended, if for time. A run that heeded Slurm's warning has stopped itself shortly before."""
    if timeout and not task.signal and task.code in _BY_TIMEOUT:
        return f"took longer than {shown(timeout)} (--timeout)"
    warned = task.limit is not None and task.seconds >= task.limit - job.grace - _EARLY
    if task.limit is not None and (task.state == "TIMEOUT" or (warned and _was_interrupted(job))):
        return f"took longer than Slurm gave it, {shown(task.limit)} (--time)"
    return None


def _was_interrupted(job: Job) -> bool:
    store = RecordStore(job.results)
    record = store.find(job.spec)
    return record is not None and record.status == "interrupted" and record.mark != job.seen


def _reason(task: Task) -> str:
    if task.exit_status == BUSY:
        return "it left its run to another process, which is gone; the same command does it"
    if task.state in ("FAILED", "COMPLETED"):
        return how_it_ended(task.exit_status)
    return f"Slurm ended it: {task.state.lower()} ({task.reason})"
