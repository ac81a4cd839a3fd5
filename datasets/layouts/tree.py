"""One folder for each kind of image, as MVTec AD has them; where somebody's own images lie so, too.

train/good/*                          normal images to learn from
validation/good/* (or val/good/*)     optional; else a seeded share of train/good
test/good/*, test/<kind>/*            normal and anomalous images
ground_truth/<kind>/<stem>_mask.png   optional; also <stem>.png, or <stem>/*.png with one defect per mask

Images and masks may be of any format that is read, and the two of different ones.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

import numpy as np

from bench.contracts import ANOMALOUS, NORMAL, Region, Sample
from bench.errors import DataError, refuse
from bench.files import file_digest, list_folders, list_images, read_colour, read_grey, read_mask

from .left_out import refuse_below, refuse_loose, refuse_unread

VALIDATION = ("validation", "val")
TRUTH = "ground_truth"
_NEARLY = 0.8


@dataclass(frozen=True)
class Tree:
    """Such folders below ``root``, and how they are read."""

    root: Path
    grey: bool
    validation_share: float
    """Of ``train/good``, held out if there is no folder."""
    split_seed: int
    mask_threshold: int = 0
    """Mask pixels above this are defect."""
    group_pattern: str = ""
    """Regular expression with one group: what of a file's name is the group."""

    def parts(self) -> tuple[list[Sample], list[Sample], list[Sample]]:
        """To learn from, to validate on, to test on; raises ``DataError`` for another layout."""
        self._refuse_strangers()
        self._refuse_misspelt_truth()
        for part in ("train", *VALIDATION, "test"):
            refuse_loose(self.root / part, f"{part}/good")
        refuse_loose(self.root / TRUTH, f"{TRUTH}/<kind>")
        train, val = self._learnable()
        kinds = [folder.name for folder in list_folders(self.root / "test")]
        test = [sample for kind in kinds for sample in self._samples("test", kind)]
        self._require_both(kinds)
        self._refuse_masks_of_nothing(kinds)
        return train, val, test

    def _refuse_strangers(self) -> None:
        for part in ("train", *VALIDATION):
            names = [folder.name for folder in list_folders(self.root / part)]
            strangers = ", ".join(name for name in names if name != "good")
            if strangers and "good" not in names:
                raise DataError(
                    f"Expected a folder called 'good' with the normal images in {self.root / part}, found {strangers}."
                    " Rename the folder that holds them; anomalous images belong in test/."
                )
            if strangers:
                raise DataError(
                    f"Expected only the folder 'good' in {self.root / part}, found also {strangers}."
                    " Anomalous images must not be learnt from: move these folders to test/."
                )

    def _refuse_misspelt_truth(self) -> None:
        nearly = [] if (self.root / TRUTH).is_dir() else list(filter(_is_nearly_truth, self.folders_not_read()))
        if nearly:
            raise DataError(
                f"Expected masks in {self.root / TRUTH}, found {', '.join(nearly)} instead, which would not be read."
                f" Rename it to {TRUTH}, or move it away."
            )

    def folders_not_read(self) -> list[str]:
        """Names of the folders beside those of the layout."""
        return [f.name for f in list_folders(self.root) if f.name not in ("train", *VALIDATION, "test", TRUTH)]

    def _refuse_masks_of_nothing(self, kinds: list[str]) -> None:
        truth = self.root / TRUTH
        if strangers := [f.name for f in list_folders(truth) if f.name not in kinds]:
            raise DataError(
                f"Expected folders of the same names in {truth} and {self.root / 'test'}, found {', '.join(strangers)}"
                " only in the first. Masks are matched by the name of their kind: rename one of the two."
            )

    def _require_both(self, kinds: list[str]) -> None:
        if "good" not in kinds or len(kinds) < 2:
            raise DataError(
                f"Expected 'good' and at least one kind of anomaly in {self.root / 'test'},"
                f" found {', '.join(kinds) or 'nothing'}. Without both there is nothing to tell apart."
            )

    def _learnable(self) -> tuple[list[Sample], list[Sample]]:
        train = self._samples("train", "good")
        found = [part for part in VALIDATION if (self.root / part / "good").is_dir()]
        if len(found) > 1:
            raise DataError(
                f"Expected one folder of images to validate on in {self.root}, found {' and '.join(found)}."
                " Move the images of one into the other, or move one away."
            )
        return (train, self._samples(found[0], "good")) if found else self._held_out(train)

    def _held_out(self, train: list[Sample]) -> tuple[list[Sample], list[Sample]]:
        """A seeded share of the groups or, where none are known, of the images; copies of a file stay together."""
        first: dict[str, str] = {}
        for sample in train:
            first.setdefault(sample.digest, sample.id)
        units = [sample.group or first[sample.digest] for sample in train]
        known = sorted(set(units))
        if len(known) < 2:
            raise DataError(
                f"Expected two different images or groups at least in {self.root / 'train/good'}, as some are held out"
                " for thresholds, found one. Add images, or put those for thresholds into validation/good."
            )
        order = np.random.default_rng(self.split_seed).permutation(known)
        wanted = max(1, round(self.validation_share * len(known)))
        held = set(order[: min(wanted, len(known) - 1)].tolist())
        paired = list(zip(train, units, strict=True))
        return [s for s, unit in paired if unit not in held], [s for s, unit in paired if unit in held]

    def _samples(self, part: str, kind: str) -> list[Sample]:
        folder = self.root / part / kind
        images = list_images(folder)
        refuse_below(folder)
        refuse_unread(folder)
        if not images:
            raise DataError(f"Expected images in {folder}, found none.")
        masks = self._masks(kind, images) if part == "test" and kind != "good" else {}
        return [self._sample(path, kind, masks.get(path)) for path in images]

    def _sample(self, path: Path, kind: str, masks: list[Path] | None) -> Sample:
        regions = None if masks is None else tuple(self._region(mask, kind) for mask in masks)
        return Sample(
            id=path.relative_to(self.root).as_posix(),
            label=NORMAL if kind == "good" else ANOMALOUS,
            kind=kind,
            read=partial(read_grey if self.grey else read_colour, path),
            digest="".join(map(file_digest, (path, *(masks or ())))),
            group=self._group(path),
            regions=() if kind == "good" else regions,
            source=path,
        )

    def _region(self, mask: Path, kind: str) -> Region:
        return Region(partial(read_mask, mask, self.mask_threshold), name=kind, source=mask)

    def _group(self, path: Path) -> str | None:
        if not self.group_pattern:
            return None
        match = re.search(self.group_pattern, path.name)
        if not match or not match[1]:
            raise DataError(
                f"Expected group_pattern '{self.group_pattern}' to find a group in every file name,"
                f" found none in {path}. Change the pattern with --set group_pattern=… or rename the file."
            )
        return match[1]

    def _masks(self, kind: str, images: list[Path]) -> dict[Path, list[Path]]:
        """Masks of each image; empty when the kind has none at all, an error when only some have."""
        folder = self.root / TRUTH / kind
        if not folder.is_dir():
            return {}
        for place in (folder, *list_folders(folder)):
            refuse_unread(place)
        _refuse_twins(images, folder)
        masks = _by_image(images, folder)
        orphans = set(_all_masks(folder)) - {mask for found in masks.values() for mask in found}
        remedy = "Give each image its mask, such as 7_mask.png for 7.png, or remove the kind's folder."
        refuse(sorted(orphans), f"mask(s) in {folder} have no image in {self.root / 'test' / kind}", remedy)
        refuse([image for image in images if not masks[image]], f"image(s) have no mask in {folder}", remedy)
        return masks


def _refuse_twins(images: list[Path], folder: Path) -> None:
    """Two images of one stem would be measured against the same mask, which shows the defect of one of them."""
    times = Counter(image.stem for image in images)
    refuse(
        [image for image in images if times[image.stem] > 1],
        f"image(s) share their name with another but for the ending, and so their mask in {folder}",
        "Rename one of each, and its mask with it, or remove it.",
    )


def _by_image(images: list[Path], folder: Path) -> dict[Path, list[Path]]:
    """The one mask of each image's name or, without it, those in the folder of its name."""
    named: dict[str, list[Path]] = defaultdict(list)
    for mask in list_images(folder):
        named[mask.stem].append(mask)
    alone = {image: named[f"{image.stem}_mask"] + named[image.stem] for image in images}
    refuse(
        [mask for masks in alone.values() if len(masks) > 1 for mask in masks],
        f"mask(s) in {folder} are not the only ones of their image",
        "Keep one of each; several defects of 7.png, a mask for each, lie in a folder 7.",
    )
    return {image: masks or list_images(folder / image.stem) for image, masks in alone.items()}


def _is_nearly_truth(name: str) -> bool:
    """``GroundTruth``, ``ground-truths``; not ``masks``, which may be anything."""
    letters = re.sub("[^a-z]", "", name.lower())
    return SequenceMatcher(None, letters, TRUTH.replace("_", "")).ratio() > _NEARLY


def _all_masks(folder: Path) -> list[Path]:
    return list_images(folder) + [mask for inner in list_folders(folder) for mask in list_images(inner)]


def masks_in(test: Sequence[Sample]) -> int:
    """How many of these images have masks."""
    return sum(bool(sample.regions) for sample in test)
