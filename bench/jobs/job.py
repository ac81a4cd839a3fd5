"""One run as it is handed to an executor, and as a file: everything another process needs to perform it.

``python -m bench.worker results/jobs/<key>.json`` repeats a run alone, which is how to look at one that crashed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from bench.errors import ConfigError
from bench.spec import Key, RunSpec
from bench.writing import replace_file

if TYPE_CHECKING:
    from bench.data.opening import OpenedDataset

BUSY = 75
"""Exit status of a process that left its run because another has it or trains a stage of it (EX_TEMPFAIL)."""


class Job(BaseModel):
    """A run to do, where its data and results lie, and how it is to behave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_schema: Literal[1] = 1
    key: Key
    """The run's key as planned; another process must arrive at the same from its own code and data."""
    spec: RunSpec
    results: Path
    data_root: Path | None = None
    """Where the plan found the data."""
    device: str = "auto"
    plugins: tuple[Path, ...] = ()
    force: bool = False
    """Done on request although a record is there."""
    claim: str | None = Field(None, exclude=True)
    """Token of the claim that was taken for this job; without one its process takes its own. Not in the file: it is
    good for one start."""
    unless_recorded: bool = Field(False, exclude=True)
    """Whether a record that others wrote since the plan is enough. Not in the file, which repeats a run alone."""
    waits: bool = False
    """Whether to wait for a shared stage under training elsewhere, or to end with ``BUSY``."""
    grace: float = 30.0
    """Seconds from the request to stop until the process is killed."""
    seen: str | None = None
    """Mark of the record that the plan found, if any: another one is another process's work since."""
    study: str | None = None
    """Digest of the ``--config`` file."""
    command: tuple[str, ...] = ()
    """What the user typed, for the record."""
    known: dict[str, Any] = {}
    """Fields of the record that the plan knows already (``bench.jobs.failures.known_before``)."""
    note: str = ""

    _data: OpenedDataset | None = PrivateAttr(default=None)

    def with_data(self, data: OpenedDataset | None) -> Job:
        """The same job, with the data set as the plan opened it: for executors that stay in this process."""
        self._data = data
        return self

    @property
    def data(self) -> OpenedDataset | None:
        return self._data

    @property
    def label(self) -> str:
        return f"{self.spec.method} on {self.spec.dataset_label}, seed {self.spec.seed}"

    @property
    def file(self) -> Path:
        return self.results / "jobs" / f"{self.key}.json"

    @property
    def log(self) -> Path:
        """What its process prints; every attempt is added."""
        return self.results / "logs" / f"{self.key}.log"

    @property
    def progress(self) -> Path:
        return self.results / "work" / f"{self.key}.progress.json"

    @property
    def unstored(self) -> Path:
        """Record of a repetition that failed, which does not replace the earlier result."""
        return self.results / "work" / f"{self.key}.repetition.json"

    def updated(self, **changes: Any) -> Job:  # noqa: ANN401 - values of its fields
        """The same job with some fields changed."""
        return self.model_copy(update=changes)

    def write(self) -> Path:
        """Store the job's file and return its path."""
        with replace_file(self.file) as temporary:
            temporary.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return self.file


def read_job(file: Path) -> Job:
    """The opposite of ``write``; raises ``ConfigError`` where the file cannot be used."""
    try:
        return Job.model_validate_json(file.read_bytes())
    except (OSError, ValidationError, ConfigError) as error:
        raise ConfigError(f"{file} cannot be used as a job: {error} Give the same bench run again.") from None
