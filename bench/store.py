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

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.claims import Claims, Holder
from bench.damage import set_aside
from bench.errors import ClaimedError, ConfigError, StoreError
from bench.files import content_digest
from bench.record import Record
from bench.spec import RunSpec, digest

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger("bench")
_LOOK_EVERY = 0.5  # seconds, at a stage that another process trains
WhenBusy = Callable[[ClaimedError], None]
"""Told again and again while a shared stage is trained elsewhere; it returns to wait on, or raises."""


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that takes its place, whole and on disk, when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # some writers make private files; results are shared in a group
        _to_disk(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _to_disk(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


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
        """Raise ``StoreError`` where the block cannot write: a full disk, or a permission that was taken away."""
        try:
            yield
        except OSError as error:
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
        """Put ``files`` (a folder beside the store's) and the record in their place in one move."""
        target = self.folder_of(record.spec)
        record = record.model_copy(update={"files": _digests(files)})
        with replace_file(files / "record.json") as temporary:
            temporary.write_text(record.model_dump_json(indent=2) + "\n")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.move(target, Path(tempfile.mkdtemp(prefix=".replaced-", dir=self.root / "work")) / "old")
        files.rename(target)
        for old in (self.root / "work").glob(".replaced-*"):
            shutil.rmtree(old, ignore_errors=True)
        return record.at(target)

    @contextmanager
    def drafting(self, key: str = "") -> Iterator[Path]:
        """An empty folder on the same file system, removed unless it was moved into place.

        The run's key in its name tells ``bench.leftovers`` whose it was, should this process be killed.
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


class StageStore:
    """Parts of methods that several runs share, each under a key of everything that decides it."""

    def __init__(self, root: Path, claims: Claims | None = None, when_busy: WhenBusy | None = None) -> None:
        self._root, self._claims, self._when_busy = root, claims or Claims(), when_busy

    def asking(self, when_busy: WhenBusy) -> StageStore:
        """The same store, for a run that has something to say to a stage under training elsewhere."""
        return StageStore(self._root, self._claims, when_busy)

    def folder_of(self, key: str) -> Path:
        return self._root / key

    @contextmanager
    def claim(self, identity: Mapping[str, Any]) -> Iterator[SharedStage]:
        """The stage of that identity. Whoever comes first trains it; others wait, unless told otherwise."""
        key = digest(dict(identity))
        stage = SharedStage(key, self.folder_of(key), dict(identity))
        stage.folder.mkdir(parents=True, exist_ok=True)
        file = stage.folder.with_suffix(".claim")
        mine = self._until_finished_or_ours(stage, file)
        if mine is None:
            self.tidy(key)
            yield stage
            return
        with self._claims.keep(file, mine):
            self._set_aside_if_damaged(stage)
            yield stage

    def tidy(self, key: str) -> None:
        """Remove what a process left behind that was killed when the stage was as good as finished."""
        stage = SharedStage(key, self.folder_of(key), {})
        claim = stage.folder.with_suffix(".claim")
        if claim.exists() or stage.leftovers():
            with suppress(ClaimedError), self._claims.hold(claim):
                stage.sweep()

    def _set_aside_if_damaged(self, stage: SharedStage) -> None:
        damage = stage.damage()
        if damage:
            kept = set_aside(stage.folder, self._root.parent)
            _log.warning("%s; kept as %s and trained again", damage, kept)
            stage.folder.mkdir()

    def _until_finished_or_ours(self, stage: SharedStage, file: Path) -> Holder | None:
        while not stage.is_finished:
            try:
                return self._claims.take(file)
            except ClaimedError as error:
                if self._when_busy:
                    self._when_busy(error)
                time.sleep(_LOOK_EVERY)
        return None


@dataclass(frozen=True)
class SharedStage:
    """One stage: ``weights.safetensors`` and ``stage.json`` with their SHA-256 once finished, checkpoints before."""

    key: str
    folder: Path
    identity: dict[str, Any]

    @property
    def is_finished(self) -> bool:
        """Whether it is there, and as it was stored."""
        return (self.folder / "stage.json").is_file() and self.damage() is None

    def damage(self) -> str | None:
        """What is wrong with a finished stage; stages of older versions hold no digest to compare with."""
        told, weights = self.folder / "stage.json", self.folder / "weights.safetensors"
        if not told.is_file():
            return None
        try:
            expected = json.loads(told.read_text()).get("weights_sha256")
            found = content_digest(weights) if expected else None
        except (OSError, ValueError, AttributeError) as error:
            return f"{self.folder} is damaged ({error})"
        return None if found == expected else f"{weights} is damaged (not the SHA-256 in stage.json)"

    def finish(self, weights: Mapping[str, Tensor], device: str) -> None:
        """Store the weights; ``stage.json`` comes last and says that all is there."""
        file = self.folder / "weights.safetensors"
        save_weights(file, weights)
        told = {"key": self.key, "trained_on": device, "weights_sha256": content_digest(file), **self.identity}
        with replace_file(self.folder / "stage.json") as temporary:
            temporary.write_text(json.dumps(told, indent=2))
        self.sweep()

    def leftovers(self) -> list[Path]:
        """Checkpoints, and temporary files of killed processes."""
        return [*self.folder.glob("*.checkpoint"), *self.folder.glob(".*")]

    def sweep(self) -> None:
        """Remove them; only for whoever holds the claim, once the stage is finished."""
        for leftover in self.leftovers():
            leftover.unlink(missing_ok=True)

    def weights(self) -> dict[str, Tensor]:
        return load_weights(self.folder / "weights.safetensors", "Delete the folder; it will be trained again.")


def save_weights(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Tensors as safetensors, whole or not at all."""
    from safetensors.torch import save_file

    with replace_file(file) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in weights.items()}, temporary)


def load_weights(file: Path, remedy: str) -> dict[str, Tensor]:
    """The opposite of ``save_weights``; raises ``StoreError`` with the remedy where the file is damaged or missing."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise StoreError(f"{file} is damaged ({error}). {remedy}") from error
