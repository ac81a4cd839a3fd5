"""Parts of methods that several runs share, such as a trained GAN: whoever comes first makes it, others wait."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ClaimedError
from bench.files import content_digest
from bench.records.claims import Claims, Holder
from bench.records.damage import set_aside
from bench.records.weights import load_weights, save_weights
from bench.spec import digest
from bench.writing import replace_file

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger("bench")
_LOOK_EVERY = 0.5  # seconds, at a stage that another process trains
WhenBusy = Callable[[ClaimedError], None]
"""Told again and again while a shared stage is trained elsewhere; it returns to wait on, or raises."""


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
