"""Who is doing what: one lock file for each run and each shared stage, which does not outlive its owner's death.

A claim is created whole (a hard link to a finished file) and holds host, process and start. Its owner touches it every
few seconds. It is stale when the process is gone (same machine), or when it was not touched for minutes that the
observer counted on his own steady clock (another machine). No two clocks are compared, so clocks may be wrong.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from bench.errors import ClaimedError
from bench.provenance import now

BEAT = 15.0  # seconds between two touches
SILENCE = 300.0  # seconds; network file systems show a touch up to a minute late
_GUARD = 10.0  # seconds; the guard is held while one small file is read and written

_log = logging.getLogger("bench")


@dataclass(frozen=True)
class Holder:
    """The process that a claim belongs to."""

    token: str
    """Names this one claim; a run's process takes over the claim of whoever started it by knowing it."""
    host: str
    machine: str
    """Host, boot and process namespace: only there does the process id mean anything."""
    pid: int
    born: str
    """When the process started, in the kernel's ticks: another process may have its id later."""
    since: str
    starter_pid: int = 0
    """The process that claimed the run for this one and will write its row if it dies; 0: none."""
    starter_born: str = ""

    @classmethod
    def here(cls) -> Holder:
        pid = os.getpid()
        return cls(uuid4().hex, socket.gethostname(), _machine(), pid, _born(pid) or "", now())

    @property
    def is_gone(self) -> bool:
        """Whether the process certainly ended, and whoever started it; of other machines nothing is certain."""
        processes = [(self.pid, self.born)] + [(self.starter_pid, self.starter_born)] * bool(self.starter_pid)
        return self.machine == _machine() and all(_born(pid) != born for pid, born in processes)

    def started_by(self, other: Holder) -> Holder:
        """This holder, after ``other`` made the claim for it."""
        if other.machine != self.machine:
            return self
        first = (other.starter_pid, other.starter_born) if other.starter_pid else (other.pid, other.born)
        return replace(self, starter_pid=first[0], starter_born=first[1])

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


_UNREADABLE = Holder("", "an unknown host", "", 0, "", "an unknown time")


class Claims:
    """Takes, watches and gives back claims. ``adopting`` is the token of a claim that was made for this process."""

    def __init__(self, adopting: str | None = None, on_lost: Callable[[Path], None] | None = None) -> None:
        self._adopting, self._on_lost = adopting, on_lost
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}

    def take(self, file: Path) -> Holder:
        """Create the claim; raises ``ClaimedError`` while somebody else who may be alive has it."""
        mine = Holder.here()
        if self._adopting:
            mine = replace(mine, token=self._adopting)
        with _guard(file):
            other = holder_of(file)
            if other and other.token == self._adopting:
                mine = mine.started_by(other)  # made for this process, or by an earlier attempt that certainly ended
            elif other and not self.is_free(file):
                raise ClaimedError(f"{file.stem} is under way: {other} ({file})", file)
            elif other:
                _log.warning("%s: taken over from %s, which %s", file, other, _why_stale(other))
            file.unlink(missing_ok=True)
            _create(file, mine)
        return mine

    def give_back(self, file: Path, token: str) -> None:
        """Remove the claim if it is still that one."""
        with _guard(file):
            holder = holder_of(file)
            if holder and holder.token in (token, _UNREADABLE.token):
                file.unlink()

    @contextmanager
    def hold(self, file: Path) -> Iterator[None]:
        """The claim for the length of the block, touched all the while; raises as ``take`` does."""
        mine = self.take(file)
        with self.keep(file, mine):
            yield

    @contextmanager
    def keep(self, file: Path, mine: Holder) -> Iterator[None]:
        """Touch a claim that was taken, and give it back after the block; raises ``OSError`` where it cannot be."""
        try:
            # The open file, not its name, is touched: after a takeover the name is another's.
            with file.open("rb") as own, self._beating(file, own.fileno()):
                yield
        finally:
            with suppress(ClaimedError):  # the guard is not to be had: it will be seen as stale
                self.give_back(file, mine.token)

    @contextmanager
    def _beating(self, file: Path, own: int) -> Iterator[None]:
        done = threading.Event()
        beating = threading.Thread(target=self._beat, args=(file, own, done), name="heartbeat", daemon=True)
        beating.start()
        try:
            yield
        finally:
            done.set()
            beating.join()

    def _beat(self, file: Path, own: int, done: threading.Event) -> None:
        while not done.wait(BEAT):
            with suppress(OSError):
                os.utime(own)
            if not _is_the_same(own, file):
                _log.warning("%s: lost to another process while this one was silent", file)
                if self._on_lost:
                    self._on_lost(file)
                return

    def is_free(self, file: Path) -> bool:
        """Whether nobody has it, or only a stale claim is left. Of other machines' claims, only watching tells."""
        holder, signature = holder_of(file), _signature(file)
        if holder is None or signature is None or holder.is_gone:
            self._seen.pop(file, None)
            return True
        known, since = self._seen.get(file, (None, 0.0))
        if known != signature:
            self._seen[file] = signature, time.monotonic()
            return False
        return holder.machine != _machine() and time.monotonic() - since > SILENCE


def holder_of(file: Path) -> Holder | None:
    """Who has it; ``None`` if nobody. A damaged claim has an unknown holder, who may be alive."""
    try:
        return TypeAdapter(Holder).validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return _UNREADABLE


def _why_stale(holder: Holder) -> str:
    return "is gone" if holder.is_gone else f"gave no sign of life for {SILENCE:.0f} s"


@contextmanager
def _guard(file: Path) -> Iterator[None]:
    """One process at a time looks at the claim and changes it; the system frees the guard when that process dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file.with_suffix(".lock"), timeout=_GUARD):
            yield
    except Timeout as error:
        raise ClaimedError(f"{file.stem} is under way in another process ({file})", file) from error


def _create(file: Path, mine: Holder) -> None:
    whole = file.with_name(f".{file.name}.{mine.token}")
    try:
        whole.write_text(json.dumps(asdict(mine), indent=2) + "\n")
        try:
            os.link(whole, file)  # fails where the name is taken, on network file systems too
        except FileExistsError as error:
            raise ClaimedError(f"{file.stem} was claimed by another process just now ({file})", file) from error
        except OSError:  # a file system without hard links
            with file.open("x") as stream:
                stream.write(whole.read_text())
    finally:
        whole.unlink(missing_ok=True)


def _signature(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _is_the_same(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # cannot be told just now


@cache
def _machine() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


def _born(pid: int) -> str | None:
    """The start of a living process, ``None`` of one that is gone or a zombie; ``unknown`` where there is no /proc."""
    if not Path("/proc/self/stat").exists():
        return "unknown" if _answers(pid) else None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
