"""How checks are registered, performed and told.

A check is a function of a ``Study`` that returns nothing when its promise, the docstring, is kept. Where it is not, it
raises ``Broken``, with what was expected, what was found and what to do; where nobody could look, ``NotChecked``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

from bench.conformance.study import Study
from bench.progress import Reporter


class Broken(Exception):  # noqa: N818 - a verdict, not an error
    """A promise that is not kept."""


class NotChecked(Exception):  # noqa: N818
    """A promise that could not be looked at."""


@dataclass(frozen=True)
class Finding:
    """What became of one check."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    text: str

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)


Check = Callable[[Study], None]
CheckT = TypeVar("CheckT", bound=Check)
CHECKS: dict[str, Check] = {}
"""By name, in the order in which they are worth reading."""


def check(name: str) -> Callable[[CheckT], CheckT]:
    def register(function: CheckT) -> CheckT:
        CHECKS[name] = function
        return function

    return register


def examine(method: str, reporter: Reporter, debug: bool = False) -> list[Finding]:
    """Every check in turn; with ``debug`` an error that nobody expected is raised, not told."""
    findings = []
    with tempfile.TemporaryDirectory(prefix="bench-check-") as folder, reporter.stage("check", len(CHECKS)) as progress:
        study = Study(method, Path(folder))
        for done, name in enumerate(CHECKS, 1):
            findings.append(perform(name, study, debug))
            progress.update(done)
    return findings


def perform(name: str, study: Study, debug: bool = False) -> Finding:
    """One check of ``CHECKS``."""
    promise = " ".join((CHECKS[name].__doc__ or "").split())
    try:
        CHECKS[name](study)
    except NotChecked as reason:
        return Finding(name, "not checked", str(reason))
    except Broken as verdict:
        return Finding(name, "failed", str(verdict))
    except Exception as error:
        if debug:
            raise
        return Finding(name, "failed", f"Expected: {promise} Found {_told(error)} See the traceback: --debug.")
    return Finding(name, "ok", promise)


def _told(error: Exception) -> str:
    """Kind, message and the line of code that raised it."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f" ({Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno})" if last else ""
    return f"{type(error).__name__}: {error}{where}."
