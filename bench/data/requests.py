"""Data sets opened as ``bench data check`` and ``bench data split`` ask for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contracts import NORMAL
from bench.data.audit import Finding, audit
from bench.data.opening import OpenedDataset, chosen, label_of, open_dataset
from bench.data.roots import Roots
from bench.errors import ConfigError, DataError
from bench.images import manifest
from bench.progress import Reporter
from bench.settings import Settings
from bench.writing import write_output


@dataclass(frozen=True)
class Audited:
    """What was found in one data set or category."""

    label: str
    findings: Sequence[Finding]

    @property
    def has_problem(self) -> bool:
        return any(finding.level == "problem" for finding in self.findings)

    def as_dicts(self) -> list[dict[str, object]]:
        """For ``--json``: one row a finding."""
        return [{"dataset": self.label, **asdict(finding)} for finding in self.findings]


def opened(text: str, data_root: Roots, settings: Sequence[str]) -> Iterator[OpenedDataset]:
    """The data set of that name, or each category of ``name:all``; raises ``ConfigError`` or ``DataError``."""
    pairs = chosen(text)
    parsed = Settings.parse(settings, (), [name for name, _ in pairs])
    return (open_dataset(name, category, parsed.of(name), data_root) for name, category in pairs)


def audit_requested(text: str, data_root: Roots, settings: Sequence[str], reporter: Reporter) -> Iterator[Audited]:
    """Look through one data set, or through each of its categories: one that cannot be opened stops no other."""
    labels = [label_of(name, category) for name, category in chosen(text)]
    for label in labels:
        try:
            findings = audit(_open(label, data_root, settings), reporter)
        except DataError as error:
            if len(labels) == 1:
                raise
            findings = [Finding("data", "problem", str(error))]
        yield Audited(label, findings)


def open_requested(text: str, data_root: Roots, settings: Sequence[str]) -> OpenedDataset:
    """One data set or category; raises ``ConfigError`` where several are asked for."""
    (name, category), *others = chosen(text)
    if others:
        raise ConfigError(f"Expected one category, such as {name}:{category}, found '{text}': each has its own split.")
    return _open(label_of(name, category), data_root, settings)


def _open(label: str, data_root: Roots, settings: Sequence[str]) -> OpenedDataset:
    (dataset,) = opened(label, data_root, settings)
    return dataset


def write_manifest(opened: OpenedDataset, out: Path) -> None:
    """Write the split, whole or not at all; raises ``StoreError`` if the file cannot be written."""
    write_output(out, manifest(opened.split))


def split_summary(opened: OpenedDataset) -> str:
    """SHA-256 of the manifest, and how many images each part holds."""
    counts = []
    for part, samples in opened.split.parts().items():
        normal = Counter(sample.label for sample in samples)[NORMAL]
        anomalous = f" + {len(samples) - normal} anomalous" if normal < len(samples) else ""
        counts.append(f"{part} {normal} normal{anomalous}")
    return f"{opened.label}: {', '.join(counts)}\nSHA-256 {opened.fingerprint}"
