"""Every error this project raises on purpose.

    BenchError                 base: caught by the command line, printed without a traceback
    +-- ConfigError            a name, option or value that cannot be used         (exit status 2)
    +-- PluginError            a method or data set file that breaks the contract  (exit status 2)
    +-- DataError              data that are missing, broken or out of protocol    (exit status 2)
    +-- StoreError             a results folder or record that cannot be used      (exit status 2)
    |   +-- ClaimedError       another process is doing this run or a stage it shares
    +-- RunError               one run came to grief; the others go on             (exit status 1)
        +-- DivergedError      a loss or a score stopped being a finite number
        +-- InterruptedRunError  the user stopped the run; it can be resumed

A message says what was expected, what was found, where, and what to type next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class BenchError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class ConfigError(BenchError):
    """A name, an option or a value that cannot be used."""

    exit_code = 2


class PluginError(BenchError):
    """A method or data set file that does not keep the contract."""

    exit_code = 2


class DataError(BenchError):
    """Data that are missing, broken or out of protocol."""

    exit_code = 2


class StoreError(BenchError):
    """A results folder or a record that cannot be read or written."""

    exit_code = 2


class ClaimedError(StoreError):
    """Another process is doing this run, or training a stage it shares; ``file`` is the claim to wait for."""

    def __init__(self, message: str, file: Path) -> None:
        super().__init__(message)
        self.file = file


class RunError(BenchError):
    """One run failed; its record says why and the other runs go on."""


class DivergedError(RunError):
    """A loss or a score stopped being a finite number."""


class InterruptedRunError(RunError):
    """The user stopped the run; the next call resumes from its checkpoint."""


def unknown_name(kind: str, name: str, known: Iterable[str], next_step: str) -> ConfigError:
    """The error for a name nobody knows: the nearest names first, then all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return ConfigError(f"Unknown {kind} '{name}'. {hint}Known: {listed or 'none'}. {next_step}".rstrip())


SHOWN = 20
"""Items of a list that an error shows."""


def refuse(found: Iterable[object], what: str, remedy: str) -> None:
    """Raise ``DataError`` listing the first of ``found``, if there are any: ``what`` is wrong with them; what to do."""
    listed = [str(item) for item in found]
    if listed:
        shown = "\n  ".join(listed[:SHOWN]) + ("\n  …" if len(listed) > SHOWN else "")
        raise DataError(f"{len(listed)} {what}:\n  {shown}\n{remedy}")


def refuse_all(expected: str, problems: Mapping[str, Sequence[str]], advice: str) -> None:
    """Raise one ``DataError`` with every sort of problem that has entries, a bounded number of them shown."""
    blocks = [_block(sort, entries) for sort, entries in problems.items() if entries]
    if blocks:
        raise DataError("\n".join([expected, *blocks, advice]))


def _block(sort: str, entries: Sequence[str]) -> str:
    return "\n  ".join([f"{len(entries)} {sort}:", *entries[:SHOWN], *(["…"] if len(entries) > SHOWN else [])])
