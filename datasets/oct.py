"""Retinal OCT B-scans of Kermany et al. 2018 ("OCT2017"): learn NORMAL, find CNV, DME and DRUSEN.

Three packings of the same collection go round, and all are recognised: Mendeley's version 2 (``OCT2017/``), its
copy on Kaggle (``OCT2017 /``, with a trailing blank and a small ``val`` part) and version 3 (``CellData/OCT``).
The published test part repeats patients of the training part; ``split=patient`` removes them from training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Sample, Split, Uint8Image
from bench.errors import DataError
from bench.files import file_digest, list_images, read_grey

from .layouts.kermany import CLASSES, patient_of, patients, patients_on_both_sides
from .preprocessing.retina import flatten_retina, neutralise_border

PUBLISHED = {
    "v2": {"train_normal": 26_315, "test_normal": 250, "test_anomalous": 750},
    "v3": {"train_normal": 51_140, "test_normal": 250, "test_anomalous": 750},
}
BELOW_THE_GIVEN_FOLDER = (
    "",
    "OCT2017",
    "OCT2017 ",
    "oct2017",
    "oct2017/OCT2017 ",
    "CellData/OCT",
    "ZhangLabData/CellData/OCT",
    "OCT",
)

COLUMNS = 512
HEIGHT = 192  # rows of the straightened crop, about 0.74 mm: room for a swollen retina (thicker ones lose their top)
BELOW = 40  # rows of choroid in it
VAL_SEED = 2018


class Params(contracts.Params):
    split: Literal["customary", "patient"] = Field(
        "customary", description="customary: as published; patient: patients of the test part never train"
    )
    flatten: bool = Field(True, description="straighten the retina and crop to it, as we remember f-AnoGAN's paper")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of the normal training scans held out")


class Dataset(contracts.Dataset[Params]):
    """Training part ``train/NORMAL``; test part ``test``, with Kaggle's ``val`` added. Labels per image, no masks."""

    summary = "Retinal OCT B-scans (Kermany 2018): normal against CNV, DME and drusen"
    needs = "OCT2017.tar.gz or ZhangLabData.zip, unpacked, from https://data.mendeley.com/datasets/rscbjbr9sj"
    licence = "CC BY 4.0"
    citation = "Kermany et al., Cell 172(5), 2018, doi:10.1016/j.cell.2018.02.010"
    synthetic = False
    default_view = "patches:64/32"
    channels = 1
    mirrored_is_normal = True

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        roots = (folder / below for below in BELOW_THE_GIVEN_FOLDER)
        return next((root for root in roots if (root / "train" / "NORMAL").is_dir()), None)

    def split(self) -> Split:
        normals = self._scans("train", ("NORMAL",))
        test = [scan for part in self._test_parts() for scan in self._scans(part, CLASSES)]
        shared = patients(normals) & patients(test)
        learnable = [s for s in normals if s.group not in shared] if self.params.split == "patient" else normals
        train, val = hold_out_patients(learnable, self.params.validation_share)
        found = _counts(normals, test)
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol=self._protocol(found),
            facts=self._packing(found)
            | patients_on_both_sides(normals, test)
            | {"train_dropped": len(normals) - len(learnable)},
            group_name="patient",
            known_leakage=self._known_leakage(shared, test),
            found=found,
            published=PUBLISHED,
        )

    def _test_parts(self) -> tuple[str, ...]:
        if not (self.root / "test").is_dir():
            raise DataError(
                f"Expected folders 'train' and 'test' in {self.root}, found {_listed(self.root)}."
                " Give the folder that holds both with --data-root."
            )
        return ("val", "test") if self._on_kaggle() else ("test",)

    def _on_kaggle(self) -> bool:
        return (self.root / "val").is_dir()

    def _scans(self, part: str, wanted: Collection[str]) -> list[Sample]:
        folders = sorted(f for f in (self.root / part).iterdir() if f.is_dir() and not f.name.startswith("."))
        if unknown := [folder.name for folder in folders if folder.name not in CLASSES]:
            raise DataError(
                f"Expected only the class folders {', '.join(CLASSES)} in {self.root / part},"
                f" found also {', '.join(unknown)}. Move them elsewhere."
            )
        return [self._sample(path) for folder in folders if folder.name in wanted for path in list_images(folder)]

    def _sample(self, path: Path) -> Sample:
        kind = path.parent.name
        return Sample(
            id=path.relative_to(self.root).as_posix(),
            label=NORMAL if kind == "NORMAL" else ANOMALOUS,
            kind=kind,
            read=partial(read_scan, path, self.params.flatten),
            digest=file_digest(path),
            group=patient_of(path),
            regions=() if kind == "NORMAL" else None,
            source=path,
        )

    def _protocol(self, found: Mapping[str, int]) -> str:
        version = self._version(found)
        extent = " of a subset" if found != PUBLISHED[version] else ""
        return f"OCT2017 {version}, {self.params.split} split{extent}"

    def _version(self, found: Mapping[str, int]) -> str:
        """Which one these scans are of, be it a part of it."""
        in_v3 = self.root.parts[-2:] == ("CellData", "OCT") or found["train_normal"] > PUBLISHED["v2"]["train_normal"]
        return "v3" if in_v3 else "v2"

    def _packing(self, found: Mapping[str, int]) -> dict[str, Any]:
        if self._on_kaggle():
            tested = "val + test: by count (8 + 242 per class) the 250 per class of v2; not compared"
            return {"packing": "Kaggle copy of v2", "test_part": tested}
        return {"packing": f"Mendeley {self._version(found)}"}

    def _known_leakage(self, shared: set[str], test: Sequence[Sample]) -> str | None:
        if self.params.split == "patient":
            return None
        return (
            f"the published split repeats patients: {len(shared)} of {len(patients(test))} identified test patients"
            " also occur among the normal training scans"
        )


def _counts(normals: Sequence[Sample], test: Sequence[Sample]) -> dict[str, int]:
    """What is held against ``PUBLISHED``; anomalous scans of the training part are never used, and not counted."""
    normal = sum(scan.label == NORMAL for scan in test)
    return {"train_normal": len(normals), "test_normal": normal, "test_anomalous": len(test) - normal}


def read_scan(path: Path, flatten: bool) -> Uint8Image:
    """``(192, 512)`` when flattened, else the scan at its own size; white wedges filled either way."""
    scan = neutralise_border(read_grey(path))
    if not flatten:
        return scan
    scan = _to_common_width(scan)
    return flatten_retina(scan, HEIGHT, BELOW).apply(scan)


def hold_out_patients(scans: Sequence[Sample], share: float) -> tuple[list[Sample], list[Sample]]:
    """Training and validation scans: whole patients drawn with a fixed seed, until ``share`` and two scans are held."""
    wanted = max(2, round(share * len(scans)))
    units = _by_patient(scans)
    order = np.random.default_rng(VAL_SEED).permutation(sorted(units))
    held: set[str] = set()
    for unit in order[:-1]:  # somebody must remain to learn from
        if sum(len(units[name]) for name in held) >= wanted:
            break
        held.add(str(unit))
    val_ids = {scan.id for name in held for scan in units[name]}
    return [s for s in scans if s.id not in val_ids], [s for s in scans if s.id in val_ids]


def _to_common_width(scan: Uint8Image) -> Uint8Image:
    # Scans of 768 and 1,536 columns cover the same width more finely.
    if scan.shape[1] <= COLUMNS:
        return scan
    return np.asarray(Image.fromarray(scan).resize((COLUMNS, scan.shape[0]), Image.Resampling.BOX))


def _by_patient(scans: Sequence[Sample]) -> dict[str, list[Sample]]:
    units: defaultdict[str, list[Sample]] = defaultdict(list)
    for scan in scans:
        units[scan.group or scan.id].append(scan)
    return dict(units)


def _listed(folder: Path) -> str:
    return ", ".join(sorted(f.name for f in folder.iterdir() if f.is_dir())) or "none"
