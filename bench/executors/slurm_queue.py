"""What Slurm says of tasks and is told to do: ``sbatch``, ``scontrol``, ``scancel``; no accounting is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BenchError, ConfigError

_PATIENCE = 120.0  # seconds for one command; its own attempts to reach a busy controller take up to a minute
_UNREACHABLE = (
    "Unable to contact",
    "Socket timed out",
    "Connection refused",
    "try again",
    "Zero Bytes",
    "Unable to establish",
    "Protocol authentication error",
)
_FORGOTTEN = "Invalid job id"
_OVER_ALREADY = (_FORGOTTEN, "already completing or completed")
_ACTIVE = {
    "PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING",
    "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT",
}  # fmt: skip
_FIELD = re.compile(r"(?:^|\s)([A-Za-z/:]+)=(\S*)")


class UnreachableError(BenchError):
    """Slurm's controller does not answer just now; what it was asked may be asked again."""


@dataclass(frozen=True)
class Task:
    """One task of an array, as Slurm sees it now."""

    index: int
    name: str
    """Of the array: it tells ours from another that got the same number after the controller was set up anew."""
    state: str
    reason: str
    code: int
    signal: int
    seconds: float
    """It has run so long, in this attempt."""
    limit: float | None
    """It may run so long, in seconds."""
    host: str | None
    """Where it runs or ran; ``None``: it never began."""

    @property
    def is_over(self) -> bool:
        return self.state not in _ACTIVE

    @property
    def is_waiting(self) -> bool:
        return not self.is_over and self.host is None

    @property
    def exit_status(self) -> int:
        """As of a child process: negative for a signal."""
        return -self.signal if self.signal else self.code


def require_slurm() -> None:
    """Raise ``ConfigError`` where Slurm's commands are missing."""
    for program in ("sbatch", "scontrol", "scancel"):
        if shutil.which(program) is None:
            raise ConfigError(
                f"--executor slurm needs Slurm's command '{program}', which is not on the PATH of this machine."
                " Give the command on a login node of the cluster, or take --executor local."
            )


def call(program: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> str:
    """What the command prints. Raises ``UnreachableError``, or ``ConfigError`` with Slurm's own words."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_PATIENCE,
            env={**environment, "SLURM_BITSTR_LEN": "0"},  # task numbers whole, however many
            start_new_session=True, check=False,  # a session of its own: Ctrl-C is ours to handle
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{program} gave no answer for {_PATIENCE:.0f} s") from error
    if done.returncode == 0:
        return done.stdout
    words = done.stderr.strip() or f"status {done.returncode}"
    if any(sign in words for sign in _UNREACHABLE):
        raise UnreachableError(words)
    raise ConfigError(f"Slurm refused '{program}': {words}")


def tasks_of(array: str, name: str) -> dict[int, Task]:
    """Tasks of our array by number; empty once Slurm has forgotten it. Raises ``UnreachableError``."""
    try:
        text = call("scontrol", "show", "job", "-o", array)
    except ConfigError as error:
        if _FORGOTTEN in str(error):
            return {}
        raise UnreachableError(str(error)) from error  # tasks may run on: no other refusal says that they are over
    return {task.index: task for line in text.splitlines() for task in _parse(line) if task.name == name}


def largest_array() -> int:
    """Tasks that one array may have."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", call("scontrol", "show", "config"))
    return max(1, int(found[1]) - 1) if found else 1000


def cancel(tasks: Sequence[str], *how: str) -> None:
    """``scancel``; that a task is over already is no error."""
    if not tasks:
        return
    try:
        call("scancel", *how, *tasks)
    except ConfigError as error:
        if not any(sign in str(error) for sign in _OVER_ALREADY):
            raise


def _parse(line: str) -> Iterator[Task]:
    """One line is one task, or all tasks that wait."""
    fields = dict(_FIELD.findall(line))
    code, _, number = fields.get("ExitCode", "0:0").partition(":")
    for index in _numbers(fields.get("ArrayTaskId", "")):
        yield Task(
            index=index,
            name=fields.get("JobName", ""),
            state=fields.get("JobState", "UNKNOWN"),
            reason=fields.get("Reason", "None"),
            code=int(code),
            signal=int(number or 0),
            seconds=_span(fields.get("RunTime", "")) or 0.0,
            limit=_span(fields.get("TimeLimit", "")),
            host=fields.get("BatchHost"),
        )


def _numbers(text: str) -> Iterable[int]:
    """``3``, or ``2-5,7%2``."""
    for part in text.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            yield from range(int(first), int(last or first) + 1)


def _span(text: str) -> float | None:
    """``1-02:03:04`` in seconds; ``None`` for ``UNLIMITED``."""
    found = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", text)
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return float(days * 86400 + hours * 3600 + minutes * 60 + rest)
