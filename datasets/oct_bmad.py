"""Retinal OCT B-scans in the selection of BMAD (Bao et al. 2024): the "OCT2017" of that benchmark.

Protocol: BMAD's own parts. Training 26,315 normal scans; validation 8 normal ones (its 24 anomalous scans are counted
but not used: thresholds may see normal images only); test 242 normal and 726 anomalous. Labels per image, no masks.
A threshold set at a quantile of 8 scores is coarse; ``oct`` holds back a share of the training scans instead. The
scans are those of Kermany et al. 2018, but the parts are others than those of ``oct`` and nothing is flattened, as BMAD
scales the whole image: the two protocols are not comparable. Default view: the whole image at 64x64.

BMAD calls every anomaly ``Ungood``; its kind is read from the names that Kermany gave (``CNV-1016042-1``), where they
are the original ones.

Leakage: Kermany's own split repeats most test patients in some class of its training part, and these are its scans; the
same names tell how many are among the normal ones learnt from. ``oct`` with ``split=patient`` is free of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import contracts
from bench.contracts import Split
from bench.errors import DataError

from .layouts import bmad
from .layouts.kermany import patient_of, patients_on_both_sides

PUBLISHED = {"train": 26_315, "val": 8, "val_anomalous": 24, "test": 242, "test_anomalous": 726}
NAMED_BY_SLICE = re.compile(r"\d+_\d+")
"""How RESC and the brain set of the same benchmark name their images."""


class Params(contracts.Params):
    """The parts are BMAD's: there is nothing to choose."""


class Dataset(contracts.Dataset[Params]):
    """OCT B-scans at their own size, mostly ``(496, 512)``."""

    summary = "BMAD OCT2017: normal retinal OCT B-scans against CNV, DME and drusen"
    needs = (
        "Retina_OCT2017_AD, linked from https://github.com/DorisBao/BMAD, or bmad.zip of"
        " https://huggingface.co/datasets/code-dev05/BMAD, unpacked"
    )
    licence = "CC BY-NC-SA 4.0 (BMAD); the scans themselves CC BY 4.0 (Kermany et al. 2018)"
    citation = "Bao et al.: BMAD: Benchmarks for Medical Anomaly Detection, CVPR Workshops 2024, arXiv:2306.11876"
    leakage = "its scans are Kermany's, whose own split repeats most test patients in some class of its training part"
    default_view = "resize:64"
    channels = 1
    mirrored_is_normal = True
    downloads = bmad.DOWNLOADS

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        return bmad.locate(folder, "OCT2017")

    def split(self) -> Split:
        tree = bmad.read_tree(self.root)
        _refuse_other_sets([*tree.test, *tree.test_anomalous])
        train, val, normal = (_scans(tree, paths, "good") for paths in (tree.train, tree.val, tree.test))
        test = [*normal, *_scans(tree, tree.test_anomalous, "ungood")]
        shared = patients_on_both_sides(train, test)
        found = tree.counts()
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol="BMAD OCT2017, published parts" + (" of a subset" if found != PUBLISHED else ""),
            facts={"packing": tree.packing, "val_anomalous_not_used": len(tree.val_anomalous)} | shared,
            group_name="patient",
            known_leakage=_known_leakage(shared),
            found=found,
            published={"BMAD": PUBLISHED},
        )


def _scans(tree: bmad.Tree, paths: Sequence[Path], folder: str) -> list[contracts.Sample]:
    """Where an anomaly lies is not annotated."""
    regions = () if folder == "good" else None
    return [tree.sample(path, _kind(path, folder), patient_of(path), regions) for path in paths]


def _kind(path: Path, folder: str) -> str:
    """The class in the name, which must not contradict the folder; the folder's where the name tells none."""
    if patient_of(path) is None:
        return folder
    named = path.stem.partition("-")[0]
    if (named == "NORMAL") != (folder == "good"):
        raise DataError(
            f"Expected {'only NORMAL' if folder == 'good' else 'no NORMAL'} scans in {path.parent}, found {path.name}."
            " Move it to the folder of its class."
        )
    return folder if folder == "good" else named


def _refuse_other_sets(paths: Sequence[Path]) -> None:
    if all(NAMED_BY_SLICE.fullmatch(path.stem) for path in paths):
        raise DataError(
            f"Expected scans of OCT2017 in {paths[0].parent}, found {len(paths)} images named like {paths[0].name},"
            " as in BMAD's RESC and Brain. For RESC: --dataset resc."
        )


def _known_leakage(shared: Mapping[str, int]) -> str | None:
    if shared["train_patients"] and shared["test_patients"]:
        if not shared["shared_patients"]:
            return None
        return (
            f"the published split repeats patients: {shared['shared_patients']} of {shared['test_patients']} identified"
            " test patients also occur among the normal training scans"
        )
    return (
        "file names here carry no patient, but both parts come from Kermany's OCT2017, most of whose test patients"
        " also occur in training"
    )
