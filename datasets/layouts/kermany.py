"""File names of Kermany et al. 2018 (``CNV-1016042-1``), and what they tell of patients on both sides of a split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.contracts import Sample

CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")
NAMED_BY_KERMANY = re.compile(rf"(?:{'|'.join(CLASSES)})-(\d+)-\d+")


def patient_of(path: Path) -> str | None:
    """The number in ``CLASS-patient-n``: one person, also where it occurs under two classes."""
    name = NAMED_BY_KERMANY.fullmatch(path.stem)
    return name[1] if name else None


def patients(scans: Sequence[Sample]) -> set[str]:
    """Those that are known."""
    return {scan.group for scan in scans if scan.group is not None}


def patients_on_both_sides(train: Sequence[Sample], test: Sequence[Sample]) -> dict[str, int]:
    """Patients on both sides of the published split, before any is dropped, and how many scans that concerns."""
    shared = patients(train) & patients(test)
    return {
        "train_patients": len(patients(train)),
        "test_patients": len(patients(test)),
        "shared_patients": len(shared),
        "train_scans_of_shared_patients": sum(scan.group in shared for scan in train),
        "test_scans_of_shared_patients": sum(scan.group in shared for scan in test),
        "train_scans_without_patient": sum(scan.group is None for scan in train),
        "test_scans_without_patient": sum(scan.group is None for scan in test),
    }
