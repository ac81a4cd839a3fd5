"""What decides a result, and the key made from it. Same key: the same run; nothing to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bench.names import require_usable

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Of a run or a stage, and so of its folder."""
PROTOCOL_VERSION = 1
"""Raised whenever splits, views, metrics or thresholds change their meaning: older records then read as stale."""

PRESETS = ("quick", "standard", "paper")
QUICK_IMAGE_SIZE = 32
"""``quick`` looks at smaller images: minutes on two CPU cores; for trying out and tests, never for a claim."""

_TRAINING_FILES = (
    "contracts.py",
    "files.py",
    "images.py",
    "views.py",
    "training/pixels.py",
    "training/images.py",
    "training/services.py",
    "precision.py",
    "cuda_graphs.py",
)
_JUDGING_FILES = (
    "judging/scoring.py",
    "records/pictures.py",
    "one_run/perform.py",
    "one_run/fitting.py",
    "one_run/answers.py",
    "judging/evaluation.py",
    "judging/pixel_evaluation.py",
    "statistics/intervals.py",
    "statistics/delong.py",
    "statistics/bootstrap.py",
    "statistics/checks.py",
    "metrics/resampling.py",
    "metrics/ranking.py",
    "metrics/passes.py",
    "metrics/regions.py",
    "metrics/pools.py",
    "metrics/curves.py",
    "metrics/pimo.py",
    "metrics/pixel_intervals.py",
    "metrics/pixels.py",
)


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides one run's result."""

    method: str
    dataset: str
    category: str | None
    preset: str
    view: str
    seed: int
    params: Mapping[str, Any] = field(default_factory=dict)
    dataset_params: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    """Fingerprint of the manifest: ids, labels, groups and contents."""
    method_code: str = ""
    dataset_code: str = ""
    referee_code: str = ""
    precision: str = "float32"
    protocol: int = PROTOCOL_VERSION

    def __post_init__(self) -> None:
        """Raises ``ConfigError``: the names become folders of the results, whoever wrote them."""
        require_usable("method", self.method)
        require_usable("data set", self.dataset)
        if self.category:
            require_usable("category", self.category)

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits over all fields; a field that came later counts only where it is not neutral."""
        fields = asdict(self)
        return digest({name: value for name, value in fields.items() if (name, value) not in _NEUTRAL})

    @property
    def decoding(self) -> str:
        """Whatever besides the manifest decides decoded pixels: the loader's code and settings."""
        return f"{self.dataset_code} {dict(self.dataset_params)}"

    @property
    def dataset_label(self) -> str:
        """``mnist:1`` or ``oct``, as on the command line."""
        return f"{self.dataset}:{self.category}" if self.category else self.dataset

    def question(self) -> tuple[Any, ...]:
        """What the user asked, apart from how: runs that differ in nothing here are versions of one another."""
        return (self.method, self.dataset, self.category, self.preset, self.seed)

    def changes_since(self, older: RunSpec) -> list[str]:
        """``['latent_dim 64 -> 128', 'data changed']``: why an older record does not answer this spec."""
        changes = _changed_values(older.params, self.params) + _changed_values(
            older.dataset_params, self.dataset_params
        )
        changes += [
            f"{name} {getattr(older, name)} -> {getattr(self, name)}"
            for name in ("view", "precision", "protocol")
            if getattr(older, name) != getattr(self, name)
        ]
        for name, what in _FINGERPRINTS.items():
            if getattr(older, name) != getattr(self, name):
                changes.append(f"{what} changed")
        return changes


_NEUTRAL = [("precision", "float32")]
"""Fields that older records do not have: with these values they mean what those meant, and have the same key."""
_FINGERPRINTS = {
    "data": "data",
    "method_code": "the method's code",
    "dataset_code": "the data set's code",
    "referee_code": "the referee's code",
}


def _changed_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"{key} {old.get(key)} -> {new.get(key)}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def digest(content: Any) -> str:  # noqa: ANN401 - anything JSON can hold
    """Sixteen hexadecimal digits of the SHA-256 of the canonical JSON text."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]


def training_code() -> str:
    """Fingerprint of the ``bench`` files that shape what a method is trained on."""
    return _files_digest(_TRAINING_FILES)


def referee_code() -> str:
    """Fingerprint of the ``bench`` files that shape a result."""
    return _files_digest(_TRAINING_FILES + _JUDGING_FILES)


def _files_digest(names: tuple[str, ...]) -> str:
    here = Path(__file__).parent
    return digest({name: sha256((here / name).read_bytes()).hexdigest() for name in names})
