"""Records, shared stages and unfinished work on disk: written aside and moved into place, never half there; no pickle.

results/runs/<dataset>/<method>/<key>/    finished records
results/stages/<key>/                     parts of methods that several runs share, such as a trained GAN
results/work/<key>/                       checkpoints of runs under way
results/work/<key>.claim                  who is doing that run; likewise results/stages/<key>.claim
results/jobs/<key>.json                   what a run in a process of its own is told
results/logs/<key>.log                    what that process printed
results/studies/<digest>.yaml             files given by --config
results/damaged/                          what could not be read any more, set aside and done again
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import ConfigError, StoreError
from bench.files import content_digest
from bench.records.claims import Claims
from bench.records.damage import set_aside
from bench.records.record import Record
from bench.records.stages import StageStore
from bench.spec import RunSpec
from bench.writing import replace_file

_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE)
"""What writing to a file that is open may fail with: then no name stands in the error."""


class RecordStore:
    """The folder given by ``--results``."""

    def __init__(self, root: Path, claims: Claims | None = None) -> None:
        self.root = root
        self.claims = claims or Claims()
        self.stages = StageStore(root / "stages", self.claims)

    def require_writable(self) -> None:
        """Raise ``StoreError`` before hours of work, not after."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise StoreError(
                f"The results folder {self.root} cannot be written ({error.strerror or error})."
                " Choose another: --results DIR."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raise ``StoreError`` where the block cannot write: a full disk, or a permission that was taken away.

        Errors of processes and of the network are left as they are.
        """
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno not in _OF_A_DISK:
                raise
            raise StoreError(
                f"The results folder {self.root} cannot be written any more ({error}). What was done is kept;"
                " mend it and give the same command again."
            ) from error

    def folder_of(self, spec: RunSpec) -> Path:
        dataset = f"{spec.dataset}-{spec.category}" if spec.category else spec.dataset
        return self.root / "runs" / dataset / spec.method.replace(":", "-") / spec.key

    def work_of(self, spec: RunSpec) -> Path:
        folder = self.root / "work" / spec.key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def claim_of(self, spec: RunSpec) -> Path:
        return self.root / "work" / f"{spec.key}.claim"

    def find(self, spec: RunSpec) -> Record | None:
        """The record that answers exactly this spec."""
        folder = self.folder_of(spec)
        return read_record(folder) if (folder / "record.json").is_file() else None

    def find_intact(self, spec: RunSpec) -> Record | None:
        """As ``find``, where a damaged record is as good as none: the run is done again and replaces it."""
        try:
            return self.find(spec)
        except StoreError:
            return None

    def set_aside(self, spec: RunSpec) -> Path | None:
        """Keep a damaged record below ``damaged/``, out of the way; returns where, unless another process did it."""
        return set_aside(self.folder_of(spec), self.root)

    def answered_since(self, spec: RunSpec, seen: str | None) -> Record | None:
        """The record that somebody wrote since the one of the mark ``seen``, unless that run was interrupted."""
        record = self.find_intact(spec)
        return record if record and record.status != "interrupted" and record.mark != seen else None

    def beside(self, spec: RunSpec) -> list[Record]:
        """Every intact record of that data set and method."""
        return list(_intact(self.folder_of(spec).parent.glob("*/record.json")))

    def records(self, on_damage: Callable[[StoreError], None] | None = None) -> list[Record]:
        """All records, by folder. One that cannot be read raises ``StoreError``, or is told and left out."""
        found = []
        for file in sorted(self.root.glob("runs/*/*/*/record.json")):
            try:
                found.append(read_record(file.parent))
            except StoreError as error:
                if on_damage is None:
                    raise
                on_damage(error)
        return found

    @contextmanager
    def claim(self, spec: RunSpec) -> Iterator[Path]:
        """The run's working folder, for one process at a time; raises ``ClaimedError`` while another has it."""
        with self.claims.hold(self.claim_of(spec)):
            yield self.work_of(spec)

    def write(self, record: Record, files: Path) -> Record:
        """Put ``files`` (a folder made by ``drafting``) and the record in their place, and remove what lay there."""
        target = self.folder_of(record.spec)
        record = record.model_copy(update={"files": _digests(files)})
        with replace_file(files / "record.json") as temporary:
            temporary.write_text(record.model_dump_json(indent=2) + "\n")
        target.parent.mkdir(parents=True, exist_ok=True)
        earlier = self._put_aside(record.key)
        if target.exists():
            shutil.rmtree(earlier, ignore_errors=True)
            target.rename(earlier)
        files.rename(target)
        shutil.rmtree(earlier, ignore_errors=True)
        return record.at(target)

    def _put_aside(self, key: str) -> Path:
        """Where an earlier result lies for the moment between two renames."""
        return self.root / "work" / f".replaced-{key}"

    def bring_back(self, key: str) -> None:
        """Move an earlier result back whose process was killed before the new one took its place."""
        earlier = self._put_aside(key)
        with suppress(StoreError):  # none is there, or it is damaged
            target = self.folder_of(read_record(earlier).spec)
            if not target.exists():
                earlier.rename(target)

    def write_failure(self, record: Record, fill: Callable[[Path], None]) -> Record:
        """As ``write``, of files that ``fill`` puts into a folder; an earlier result is kept and not replaced.

        A run that is repeated with ``--force`` must not lose its result to a failure.
        """
        self.bring_back(record.key)
        earlier = self.find_intact(record.spec)
        if earlier and earlier.status == "done":
            kept = record.model_copy(update={"reason": f"{record.reason} (the earlier result is kept)"})
            return kept.at(earlier.folder)
        with self.drafting(record.key) as draft:
            fill(draft)
            return self.write(record, draft)

    @contextmanager
    def drafting(self, key: str) -> Iterator[Path]:
        """An empty folder on the same file system, removed unless it was moved into place.

        The run's key in its name tells ``bench.records.leftovers`` whose it was, should this process be killed.
        """
        (self.root / "work").mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".draft-{key}-", dir=self.root / "work"))
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder``, by its path from there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "record.json")
    return {file.relative_to(folder).as_posix(): content_digest(file) for file in files}


def _intact(files: Iterable[Path]) -> Iterator[Record]:
    for file in files:
        with suppress(StoreError):
            yield read_record(file.parent)


def read_record(folder: Path) -> Record:
    """The record in a folder; raises ``StoreError`` when it is damaged or of an unknown schema."""
    file = folder / "record.json"
    try:
        return Record.from_json(file.read_bytes()).at(folder)
    except (OSError, ValueError, ConfigError) as error:
        raise StoreError(
            f"{file} cannot be read as a record: {error} Move the folder away; the run will be done again."
        ) from error
