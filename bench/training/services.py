"""The referee's services to a method under training: randomness, loops that resume, stages that are shared."""

from __future__ import annotations

import inspect
import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import registry
from bench.contracts import Checkpointable, Context
from bench.errors import DivergedError
from bench.progress import Reporter, Stage
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.checkpoints import DAMAGES, holds_nan, read_checkpoint, write_checkpoint
from bench.writing import replace_file

_CHECKPOINT_EVERY = 30.0  # seconds: what a SIGKILL can cost
_LOG_EVERY = 100  # steps at most between two rows of the log, and between two looks for a non-finite loss
_EVALUATIONS = 20  # looks at held-out normals over a whole loop

Row = dict[str, Any]


@dataclass(frozen=True)
class RunContext:
    """Implements ``bench.contracts.Context``. ``scope`` keeps the random numbers of a stage apart from its user's."""

    device: torch.device
    seed: int
    folder: Path
    """Checkpoints and log rows of this run (or stage) while it is under way."""
    stages: StageStore
    stage_identity: Mapping[str, Any]
    """What a shared stage depends on besides its own settings: data, view, seed, code."""
    reporter: Reporter
    stop: StopRequest
    used_stages: dict[str, str]
    """Name -> key of every shared stage this run used; filled on the way."""
    scope: str = ""
    log: logging.Logger = field(default_factory=partial(logging.getLogger, "bench"))

    def generator(self, purpose: str, step: int = 0) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(derived_seed(self.seed, self.scope, purpose, step))

    def cpu_generator(self, purpose: str) -> torch.Generator:
        return torch.Generator("cpu").manual_seed(derived_seed(self.seed, self.scope, purpose, 0))

    def loop(
        self,
        name: str,
        steps: int,
        step: Callable[[int], Mapping[str, Tensor]],
        state: Mapping[str, Checkpointable],
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        TrainingLoop(self, name, steps, step, state, evaluate).run()

    def stage(
        self, name: str, identity: Mapping[str, Any], train: Callable[[Context], Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        code = registry.source_digest(Path(inspect.getfile(train)))
        full = {"stage": name, "code": code, **self.stage_identity, **identity}
        with self.stages.claim(full) as stage:
            self.used_stages[name] = stage.key
            if not stage.is_finished:
                within = replace(self, folder=stage.folder, scope=f"{self.scope}/{name}")
                weights = train(within)
                stage.finish(weights, self.device.type)
            else:
                self.reporter.say(f"  {name.upper()}: taken from an earlier run ({stage.key})")
            return stage.weights()


class TrainingLoop:
    """Calls one step after another: log rows, progress, checkpoints, resume, and a stop at non-finite losses."""

    def __init__(
        self,
        context: RunContext,
        name: str,
        steps: int,
        step: Callable[[int], Mapping[str, Tensor]],
        state: Mapping[str, Checkpointable],
        evaluate: Callable[[], Mapping[str, float]] | None,
    ) -> None:
        self._context, self._name, self._steps = context, name, steps
        self._step, self._state, self._evaluate = step, state, evaluate
        self._file = context.folder / f"{name}.checkpoint"
        self._log_every = max(1, min(_LOG_EVERY, steps // 200))
        self._evaluate_every = max(1, steps // _EVALUATIONS)
        self._rows: list[Row] = []
        self._seconds = 0.0

    def run(self) -> None:
        first = self._restore()
        self._started = self._saved = time.monotonic()
        try:
            with self._context.reporter.stage(self._name, self._steps) as progress:
                progress.update(first)
                for i in range(first, self._steps):
                    self._one_step(i, progress)
                self._save(self._steps)
        finally:
            write_rows(self._context.folder, self._name, self._rows)

    def _one_step(self, i: int, progress: Stage) -> None:
        values = self._step(i)
        done, last = i + 1, i + 1 == self._steps
        if done % self._log_every == 0 or last:
            row = self._logged(done, values)
            if self._evaluate and (done % self._evaluate_every < self._log_every or last):
                row |= self._evaluate()
            self._rows.append(row)
            progress.update(done, {name: v for name, v in row.items() if name not in ("stage", "step", "seconds")})
        else:
            progress.update(done)
        if self._context.stop.requested or time.monotonic() - self._saved > _CHECKPOINT_EVERY:
            self._logged(done, values)  # a loss that is not finite must not replace a good checkpoint
            self._save(done)
            self._context.stop.check()

    def _logged(self, done: int, values: Mapping[str, Tensor]) -> Row:
        numbers = {name: float(value) for name, value in values.items()}
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise self._diverged(name, number, done)
        return {"stage": self._name, "step": done, "seconds": round(self._elapsed(), 3), **numbers}

    def _diverged(self, name: str, number: float, done: int) -> DivergedError:
        return DivergedError(
            f"{self._name}: {name} became {number} at step {done} of {self._steps}."
            " Try a lower learning rate (--set …learning_rate=…) or another seed."
        )

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _save(self, done: int) -> None:
        states = {name: part.state_dict() for name, part in self._state.items()}
        if holds_nan(states):
            raise self._diverged("a weight", math.nan, done)
        content = {"done": done, "steps": self._steps, "rows": self._rows, "seconds": self._elapsed(), "states": states}
        write_checkpoint(self._file, content)
        self._saved = time.monotonic()

    def _restore(self) -> int:
        if not self._file.is_file():
            return 0
        try:
            content = read_checkpoint(self._file, self._context.device)
            for name, part in self._state.items():
                part.load_state_dict(content["states"][name])
        except DAMAGES as error:
            self._context.log.warning("%s: checkpoint cannot be used, starting anew (%s)", self._file, error)
            self._file.unlink(missing_ok=True)
            raise CheckpointLostError from error
        self._rows, self._seconds = content["rows"], content["seconds"]
        done = int(content["done"])
        if done < self._steps:
            self._context.reporter.say(f"  {self._name}: resumed at step {done} of {self._steps}")
        return done


def derived_seed(seed: int, scope: str, purpose: str, step: int) -> int:
    """A seed per purpose and step needs no random state in checkpoints: step 700 is step 700, resumed or not."""
    return int.from_bytes(sha256(f"{seed}/{scope}/{purpose}/{step}".encode()).digest()[:7], "big")


class CheckpointLostError(Exception):
    """A damaged checkpoint was removed; the run must be begun again, for half of it may be loaded already."""


def write_rows(folder: Path, name: str, rows: list[Row]) -> None:
    """Log rows of one loop, as JSON lines; joined into ``training.csv`` when the run is recorded."""
    with replace_file(folder / f"{name}.rows.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(folder: Path) -> list[Row]:
    """Log rows of all loops in a folder, finished or cut short."""
    return [json.loads(line) for file in sorted(folder.glob("*.rows.jsonl")) for line in file.read_text().splitlines()]
