"""Retinal edema (RESC) in the selection of BMAD (Bao et al. 2024): OCT B-scans with pixel masks.

Protocol: BMAD's own parts. Training 4,297 normal scans; validation 45 normal ones (its 70 anomalous scans are counted
but not used: thresholds may see normal images only); test 1,041 normal and 764 anomalous, each with one mask. The scans
are those of the Retinal Edema Segmentation Challenge (AI Challenger 2018), for research only. Default view: the whole
image at 64x64, as BMAD scales it too; nothing is flattened.

Masks: 0 and 255; the challenge drew several lesions in one mask (128 detachment of the pigment epithelium, 191
subretinal fluid, 255 edema), so every value above 127 is a lesion. Nobody published how much of a lesion is enough to
count as found. An anomalous image with an empty mask counts as not annotated.

Leakage, inferred from counts and names: 115 validation and 1,805 test scans make 15 x 128, the 15 cubes of 128 slices
of the challenge's validation part, and are named ``<cube>_<slice>``. Neighbouring slices of one eye thus stand in both,
and thresholds are set on the eyes that are tested. Training scans must come from other cubes, as these are used up;
whether a person has cubes in both is not known. Cubes are the groups that intervals resample; with 15 of them these are
too narrow (docs/datasets/resc.md). The challenge's own names are reported, second-hand, to give the 15 cubes to 10
people, which the numbers no longer tell: intervals are then narrower still.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from bench import contracts
from bench.contracts import Region, Sample, Split
from bench.errors import DataError
from bench.files import read_grey, read_mask

from .layouts import bmad

PUBLISHED = {"train": 4_297, "val": 45, "val_anomalous": 70, "test": 1_041, "test_anomalous": 764}
CUBE_AND_SLICE = re.compile(r"(\d+)_\d+")
MASK_THRESHOLD = 127


class Params(contracts.Params):
    """The parts are BMAD's: there is nothing to choose."""


class Dataset(contracts.Dataset[Params]):
    """OCT B-scans at their own size, ``(1024, 512)``."""

    summary = "BMAD RESC: normal retinal OCT B-scans against retinal edema, with pixel masks"
    needs = (
        "Retina_RESC_AD, linked from https://github.com/DorisBao/BMAD, or bmad.zip of"
        " https://huggingface.co/datasets/code-dev05/BMAD, unpacked"
    )
    licence = "CC BY-NC-SA 4.0 (BMAD); the scans themselves for research only (RESC challenge, by way of P-Net)"
    citation = "Bao et al.: BMAD: Benchmarks for Medical Anomaly Detection, CVPR Workshops 2024, arXiv:2306.11876"
    leakage = "validation and test hold slices of the same 15 OCT cubes; training comes from other cubes"
    default_view = "resize:64"
    channels = 1
    mirrored_is_normal = True
    downloads = bmad.DOWNLOADS

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        return bmad.locate(folder, "RESC")

    def split(self) -> Split:
        tree = bmad.read_tree(self.root)
        # Nothing says that a number means the same cube in training: as a group it might pass for one of the test.
        train = [tree.sample(path, "good", None, ()) for path in tree.train]
        val, normal = (_normal(tree, paths) for paths in (tree.val, tree.test))
        anomalous = _anomalous(tree)
        found = tree.counts()
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=(*normal, *anomalous),
            protocol="BMAD RESC, published parts" + (" of a subset" if found != PUBLISHED else ""),
            facts={
                "packing": tree.packing,
                "val_anomalous_not_used": len(tree.val_anomalous),
                "test_images_not_annotated": sum(sample.regions is None for sample in anomalous),
            }
            | _cubes(val, [*normal, *anomalous]),
            group_name="cube",
            found=found,
            published={"BMAD": PUBLISHED},
        )


def _normal(tree: bmad.Tree, paths: Sequence[Path]) -> list[Sample]:
    return [tree.sample(path, "good", cube_of(path), ()) for path in paths]


def _anomalous(tree: bmad.Tree) -> list[Sample]:
    if tree.masks is None:
        folder = tree.test_anomalous[0].parent
        raise DataError(
            f"Expected masks for {len(tree.test_anomalous)} images of {folder}, found no folder 'label' or"
            " 'anomaly_mask' below or beside it. BMAD's OCT2017 has none: --dataset oct-bmad."
        )
    masks = bmad.pair_masks(tree.test_anomalous, tree.masks)
    return [tree.sample(path, "edema", cube_of(path), _regions(mask)) for path, mask in masks.items()]


def _regions(mask: Path) -> tuple[Region, ...] | None:
    """The lesions of an image, or ``None`` where its mask is empty: the image is anomalous, but nobody drew where."""
    if not _is_drawn(mask, mask.stat().st_mtime_ns):
        return None
    return (Region(partial(read_mask, mask, MASK_THRESHOLD), name="edema", source=mask),)


@lru_cache(maxsize=4096)
def _is_drawn(mask: Path, changed: int) -> bool:
    values = np.unique(read_grey(mask))
    if 0 < values[-1] <= MASK_THRESHOLD:
        raise DataError(
            f"{mask}: expected 0 and values above {MASK_THRESHOLD} where a lesion is, found"
            f" {', '.join(map(str, values[:10]))}. As it stands the lesion would vanish: scale the masks to 0 and 255."
        )
    return bool(values[-1])


def cube_of(path: Path) -> str | None:
    """The number of the OCT cube in ``<cube>_<slice>``, or ``None`` in a renamed copy."""
    name = CUBE_AND_SLICE.fullmatch(path.stem)
    return name[1] if name else None


def _cubes(val: Sequence[Sample], test: Sequence[Sample]) -> dict[str, int]:
    seen, tested = ({sample.group for sample in part if sample.group is not None} for part in (val, test))
    return {
        "test_cubes": len(tested),
        "test_cubes_in_validation": len(seen & tested),
        "test_scans_without_cube": sum(sample.group is None for sample in test),
    }
