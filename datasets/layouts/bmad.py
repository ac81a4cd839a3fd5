"""The folders of BMAD (Bao et al. 2024) for its two sets of retinal scans, in every packing that goes round.

    authors' archive   Retina_RESC_AD/RESC/{train/good, val/{good,ungood}/{img,label}, test/{good,ungood}/{img,label}}
    BMAD's scripts     RESC/{Train/train/good, Val/val/{good,Ungood}, Val/val_label/Ungood, Test/test/…, …}
    anomalib's zip     Retina_RESC/{train/good, valid/{good,Ungood}/{img,label}, test/{good,Ungood}/{img,label}}
    MVFA's tar         Retina_RESC_AD/{valid/{good,Ungood}/{img,anomaly_mask}, test/…}, without a training part

OCT2017 is packed likewise, without masks. Images lie in the folder of their kind or in ``img`` below it, and letter
case varies from packing to packing. Masks of normal images (``good/label``), where they exist, are never read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.contracts import ANOMALOUS, NORMAL, Download, Region, Sample
from bench.errors import DataError
from bench.files import file_digest, list_images, read_grey

ABOVE = ("", "BMAD", "bmad", "oct-bmad", "oct-bmad/BMAD", "oct-bmad/bmad", "resc", "resc/BMAD", "resc/bmad")
"""Where an archive of all six sets may have been unpacked, by hand or for the other one of our two data sets."""
SETS = frozenset({"brain", "brats2021", "liver", "hist", "histopathology", "camelyon16", "chest", "oct2017", "resc"})
TRAIN, VAL, TEST = ("train",), ("val", "valid"), ("test",)
GOOD, UNGOOD = ("good",), ("ungood",)
MASKS = ("label", "anomaly_mask")
SHOWN = 20
SOURCES = (
    "The authors' archives are linked from https://github.com/DorisBao/BMAD; a copy of all six sets is bmad.zip of"
    " https://huggingface.co/datasets/code-dev05/BMAD."
)
DOWNLOADS = (
    Download(  # anomalib's copy of all six sets
        url="https://huggingface.co/datasets/code-dev05/BMAD/resolve/main/bmad.zip",
        sha256="df655def31f3f638a91c567550de54d6e45a74b2368f666c13a6a3052c063165",
        size=21_850_000_000,  # an upper bound: its page says 21.8 GB, the exact number of bytes is not published
        unpacked_size=40_000_000_000,  # an upper bound, not measured: PNG files hardly shrink in a zip
    ),
)


@dataclass(frozen=True)
class Tree:
    """The images of each part, sorted by name, and the folder of the masks of ``test_anomalous``."""

    root: Path
    packing: str
    train: Sequence[Path]
    val: Sequence[Path]
    val_anomalous: Sequence[Path]
    test: Sequence[Path]
    test_anomalous: Sequence[Path]
    masks: Path | None

    def counts(self) -> dict[str, int]:
        """How many images lie there, under the names that the published counts have."""
        parts = ("train", "val", "val_anomalous", "test", "test_anomalous")
        return {part: len(getattr(self, part)) for part in parts}

    def sample(self, path: Path, kind: str, group: str | None, regions: tuple[Region, ...] | None) -> Sample:
        """A grey image; its masks belong to its content."""
        sources = [path, *(region.source for region in regions or () if region.source)]
        return Sample(
            id=path.relative_to(self.root).as_posix(),
            label=NORMAL if kind == "good" else ANOMALOUS,
            kind=kind,
            read=partial(read_grey, path),
            digest="".join(map(file_digest, sources)),
            group=group,
            regions=regions,
            source=path,
        )


def locate(folder: Path, name: str) -> Path | None:
    """The root of the set ``name`` (``OCT2017`` or ``RESC``) at or below ``folder``, in any packing, or ``None``."""
    below = ("", name, f"Retina_{name}", f"Retina_{name}_AD/{name}", f"Retina_{name}_AD")
    roots = (folder / above / last for above in ABOVE for last in below)
    return next((root for root in roots if _holds_a_set(root) and not _is_named_as_another(root, name)), None)


def _holds_a_set(root: Path) -> bool:
    """``Ungood`` in a validation or test part is BMAD's own name: neither Kermany's nor MVTec's layout has it."""
    return any(_children(_inner(part), UNGOOD) for part in _children(root, VAL + TEST))


def _is_named_as_another(root: Path, name: str) -> bool:
    words = set(re.split(r"[^a-z0-9]+", root.resolve().name.lower()))
    return bool(words & (SETS - {name.lower()}))


def read_tree(root: Path) -> Tree:
    """The images of a set below the root that ``locate`` found.

    Raises ``DataError`` naming the folder that was expected and what is there instead.
    """
    if not _children(root, TRAIN):
        raise DataError(_without_training_images(root))
    train, val, test = (_inner(_child(root, names)) for names in (TRAIN, VAL, TEST))
    anomalous = _child(test, UNGOOD)
    masks = _masks_of(anomalous)
    return Tree(
        root=root,
        packing=_packing(root, masks),
        train=_required(_child(train, GOOD)),
        val=_required(_child(val, GOOD)),
        val_anomalous=[image for kind in _children(val, UNGOOD) for image in _images(kind)],
        test=_required(_child(test, GOOD)),
        test_anomalous=_required(anomalous),
        masks=masks,
    )


def pair_masks(images: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Image -> its one mask in ``folder``, of the same stem. Raises ``DataError`` listing what has no partner."""
    masks = list_images(folder)
    by_stem = {mask.stem: mask for mask in masks}
    stems = Counter(image.stem for image in images)
    _refuse([image for image in images if stems[image.stem] > 1], f"image(s) share one mask in {folder}")
    again = [mask for mask in masks if by_stem[mask.stem] != mask]
    _refuse(again, f"mask(s) in {folder} are not the only ones of their image")
    _refuse([mask for mask in masks if mask.stem not in stems], f"mask(s) in {folder} have no image")
    _refuse([image for image in images if image.stem not in by_stem], f"image(s) have no mask in {folder}")
    return {image: by_stem[image.stem] for image in images}


def _refuse(paths: Iterable[Path], what: str) -> None:
    listed = sorted(map(str, paths))
    if listed:
        shown = "\n  ".join(listed[:SHOWN]) + ("\n  …" if len(listed) > SHOWN else "")
        raise DataError(
            f"Expected one mask of the same name for each anomalous image; {len(listed)} {what}:\n  {shown}\n"
            f"Unpack the archive again. {SOURCES}"
        )


def _packing(root: Path, masks: Path | None) -> str:
    if any(_inner(part) != part for part in _children(root, TRAIN + VAL + TEST)):
        return "BMAD's scripts"
    if masks and masks.name == "anomaly_mask":
        return "MVFA's tar, training part added"
    return "anomalib's zip" if _child(root, VAL).name.lower() == "valid" else "authors' archive"


def _without_training_images(root: Path) -> str:
    return (
        f"Expected training images in {root / 'train' / 'good'}, found no folder 'train' in {root}, only"
        f" {_listed(root)}. MVFA's tar leaves them out. Put 'train' of another packing of the same set there."
        f" {SOURCES}"
    )


def _masks_of(anomalous: Path) -> Path | None:
    """The folder of masks: below the images, or in a tree of its own beside theirs (``Test/test_label/Ungood``)."""
    found = [folder for name in MASKS if (folder := anomalous / name).is_dir()]
    beside = f"{anomalous.parent.name.lower()}_label"
    found += [kind for tree in _children(anomalous.parents[1], (beside,)) for kind in _children(tree, UNGOOD)]
    if len(found) > 1:
        raise DataError(f"Expected one folder of masks for {anomalous}, found {', '.join(map(str, found))}. Keep one.")
    return found[0] if found else None


def _required(kind: Path) -> list[Path]:
    images = _images(kind)
    if not images:
        raise DataError(
            f"Expected images in {kind} or {kind / 'img'}, found none; folders in it: {_listed(kind)}."
            f" Unpack the archive again. {SOURCES}"
        )
    return images


def _images(kind: Path) -> list[Path]:
    flat, nested = list_images(kind), list_images(kind / "img")
    if flat and nested:
        raise DataError(
            f"Expected images either in {kind} or in {kind / 'img'}, found {len(flat)} and {len(nested)}."
            " Two packings were mixed: remove one of them."
        )
    return flat or nested


def _inner(part: Path) -> Path:
    """``Train/train``, as BMAD's scripts have it, or the part itself."""
    return next(iter(_children(part, (part.name.lower(),))), part)


def _child(folder: Path, names: Collection[str]) -> Path:
    found = _children(folder, names)
    if len(found) != 1:
        there = ", ".join(f.name for f in found) or _listed(folder)
        raise DataError(
            f"Expected one folder '{' or '.join(names)}' in {folder}, found {there}."
            f" Unpack the archive again. {SOURCES}"
        )
    return found[0]


def _children(folder: Path, names: Collection[str]) -> list[Path]:
    """Folders directly in ``folder`` that bear one of the names in whatever case, sorted."""
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.name.lower() in names and f.is_dir())


def _listed(folder: Path) -> str:
    return ", ".join(sorted(f.name for f in folder.iterdir() if f.is_dir())) or "none"
