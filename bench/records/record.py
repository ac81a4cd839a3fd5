"""What one run leaves behind, as ``record.json``. Every table and figure is computed from records."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from bench.contracts import ANOMALOUS, NORMAL, Split
from bench.metrics.pixel_results import PixelMetrics
from bench.metrics.ranking import OperatingPoint
from bench.metrics.resampling import Interval
from bench.precision import FLOAT32
from bench.spec import Key, RunSpec

SCHEMA_VERSION = 2
SCORE = "score"
"""Name of a method's own answer beside the names of its parts."""
Columns = dict[str, NDArray[np.float64]]
"""Score and parts by name, ``(n,)`` each."""
OWN_MAPS = "own maps"
"""Stands where a run names its preset when its maps or scores were made elsewhere."""
MARKED_PRESETS = ("quick", OWN_MAPS)
_SHOWN = 3  # faults of a damaged record that its error lists
Status = Literal["done", "diverged", "failed", "interrupted", "timeout"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreMetrics(_Frozen):
    """How well one score ranks anomalous above normal test images; see ``Metrics.is_mean_of_kinds``."""

    auroc: float
    auroc_interval: Interval
    average_precision: float
    fpr_at_95_tpr: float


def _with_equal_limits(pixel: PixelMetrics | None) -> PixelMetrics | None:
    figures = [pixel.headline, *pixel.by_kind.values()] if pixel else []
    if any(set(of.au_spro) != set(figures[0].au_spro) or "0.05" not in of.au_spro for of in figures):
        raise ValueError("expected au_spro at the same limits for every kind, 0.05 among them")
    return pixel


class Metrics(_Frozen):
    """What was measured; ``score`` is the method's answer per image, ``parts`` what it reports beside it."""

    score: ScoreMetrics
    parts: dict[str, ScoreMetrics]
    auroc_by_kind: dict[str, dict[str, float]]
    """Kind of anomaly -> score or part -> AUROC against all normal test images."""
    is_mean_of_kinds: bool = False
    """Whether ``score`` and ``parts`` are means over the kinds, never of all anomalous images together."""
    operating_point: OperatingPoint | None
    """Decisions at a threshold taken from normal validation images only; ``None`` where there were none."""
    threshold_quantile: float
    """Share of the normal validation images at or below that threshold."""
    oracle_operating_point: OperatingPoint
    """Decisions at the Youden point, which looks at the test labels: an upper bound, never a result."""
    pixel: Annotated[PixelMetrics | None, AfterValidator(_with_equal_limits)] = None
    """How well the maps point at annotated defects; ``None`` without maps or annotations."""


class Counts(_Frozen):
    """How many images stood in each part."""

    train: int
    val: int
    test_normal: int
    test_anomalous: int
    test_groups: int | None
    by_kind: dict[str, int]

    @classmethod
    def of(cls, split: Split) -> Counts:
        groups = {sample.group for sample in split.test if sample.group is not None}
        alone = sum(sample.group is None for sample in split.test)
        return cls(
            train=len(split.train),
            val=len(split.val),
            test_normal=sum(sample.label == NORMAL for sample in split.test),
            test_anomalous=sum(sample.label == ANOMALOUS for sample in split.test),
            test_groups=len(groups) + alone if groups else None,
            by_kind=dict(sorted(Counter(sample.kind for sample in split.test).items())),
        )


def facts_of(split: Split) -> dict[str, Any]:
    """What a data set says of its split, as records keep it."""
    stated = {"group": split.group_name, "known_leakage": split.known_leakage, "version": split.version}
    return {"subset": split.is_subset, **{name: value for name, value in stated.items() if value}, **split.facts}


class Record(_Frozen):
    """One run: what was asked, what came out, how long it took, and on what."""

    schema_version: int = SCHEMA_VERSION
    key: Key
    spec: RunSpec
    status: Status
    reason: str | None = None
    """Why the status is not ``done``."""
    synthetic: bool = False
    trivial: bool = False
    """Whether the method is a line that the others have to beat."""
    protocol_name: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)
    """What the data set says of its split."""
    settings: dict[str, Any] | None = None
    """Parameters that differ from the preset's; ``None`` in records that do not say."""
    method_facts: dict[str, Any] = Field(default_factory=dict)
    """What the method says of its fit."""
    counts: Counts | None = None
    metrics: Metrics | None = None
    stages: dict[str, str] = Field(default_factory=dict)
    """Shared parts that were used: name -> key."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Wall time of data, fit, score and metrics; indicative, not a timing benchmark."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each file beside the record, by path; filled when it is stored."""
    started: str = ""
    finished: str = ""

    _folder: Path | None = PrivateAttr(default=None)

    def at(self, folder: Path) -> Record:
        """The same record, knowing where it lies."""
        self._folder = folder
        return self

    @property
    def mark(self) -> str:
        """Tells one attempt at a run from another."""
        return f"{self.status} {self.started} {self.finished}"

    @property
    def is_stored(self) -> bool:
        return self._folder is not None

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise ValueError("this record was never stored")
        return self._folder

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """Raises ``ValueError`` for another schema or a damaged text, ``ConfigError`` for names it must not have."""
        try:
            record = cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(_version_fault(text) or _first_faults(error)) from error
        if record.schema_version != SCHEMA_VERSION or "schema_version" not in record.model_fields_set:
            raise ValueError(_version_fault(text))
        return record

    def marks(self) -> list[str]:
        """Words that must stand wherever a figure of this record is shown."""
        marks = [self.spec.preset] if self.spec.preset in MARKED_PRESETS else []
        marks += [self.spec.precision] if self.spec.precision != FLOAT32 else []
        marks += ["synthetic"] if self.synthetic else []
        return marks + (["subset"] if self.facts.get("subset") else [])


def _version_fault(text: str | bytes) -> str | None:
    """That the text says another version, or none: then nothing else that is wrong with it matters."""
    with suppress(ValidationError):
        version = _Versioned.model_validate_json(text).schema_version
        return None if version == SCHEMA_VERSION else f"expected schema_version {SCHEMA_VERSION}, found {version!r}."
    return None


class _Versioned(BaseModel):
    schema_version: Any = None


def _first_faults(error: ValidationError) -> str:
    faults = [f"{'.'.join(map(str, fault['loc'])) or 'text'}: {fault['msg']}" for fault in error.errors()]
    return "; ".join(faults[:_SHOWN]) + (f"; and {len(faults) - _SHOWN} more." if len(faults) > _SHOWN else ".")
