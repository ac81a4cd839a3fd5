"""MVTec LOCO AD (Bergmann et al., IJCV 2022): objects with structural and with logical anomalies.

    <category>/train/good/000.png …                     normal images to learn from
    <category>/validation/good/000.png …                thresholds
    <category>/test/{good,logical_anomalies,structural_anomalies}/000.png …
    <category>/ground_truth/<kind>/<stem>/000.png …     one mask for each defect; they may overlap
    <category>/defects_config.json                      pixel value of a mask -> type of defect and saturation rule

Protocol: learn from ``train/good``, take thresholds from ``validation/good``. Logical and structural anomalies are each
held against the good test images; the figure of a category is the mean of the two, and that of the data set the mean
over the five categories. Anomalies of both kinds are never pooled.

The paper counts 3,644 images, the archive holds 3,651: splicing_connectors has six more to learn from and one more to
validate on. Both are accepted and told apart. Default view: the whole image at 64x64, in colour. The published run of
f-AnoGAN (detection 64.2, AU-sPRO@0.05 33.4) saw grey 64x64 images with a latent size of 128, by a note on the paper:
``--preset loco-2022 --set grey=true``. Images are not mirrored: a part on the wrong side may be the anomaly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Download, Mask, Region, Sample, Split
from bench.errors import refuse
from bench.files import file_digest, list_folders, list_images, read_colour, read_grey, read_values

from .layouts.categories import category_folder, find_root
from .layouts.loco_defects import DefectType, read_defect_types

KINDS = ("logical_anomalies", "structural_anomalies")
PARTS = ("train/good", "validation/good", "test/good", *(f"test/{kind}" for kind in KINDS))
COUNTS = {
    "breakfast_box": (351, 62, 102, 83, 90),
    "juice_bottle": (335, 54, 94, 142, 94),
    "pushpins": (372, 69, 138, 91, 81),
    "screw_bag": (360, 60, 122, 137, 82),
    "splicing_connectors": (360, 60, 119, 108, 85),
}
"""Images of each part in the archive."""
AS_IN_THE_PAPER = {"splicing_connectors": (354, 59, 119, 108, 85)}
BELOW_THE_GIVEN_FOLDER = ("", "mvtec_loco_anomaly_detection", "mvtec_loco", "mvtec-loco", "mvtec_loco_ad")


class Params(contracts.Params):
    """How the images are read."""

    grey: bool = Field(False, description="read images as grey instead of colour, as the published f-AnoGAN run did")


class Dataset(contracts.Dataset[Params]):
    """One category; sample ids are relative to its folder."""

    summary = "MVTec LOCO AD: five products with logical and structural anomalies, masks with saturation rules"
    needs = "mvtec_loco_anomaly_detection.tar.xz (6.1 GB) from https://www.mvtec.com/research-teaching/datasets/mvtec-loco-ad"
    licence = "CC BY-NC-SA 4.0"
    citation = "Bergmann et al.: Beyond dents and scratches, IJCV 130, 2022, doi:10.1007/s11263-022-01578-9"
    leakage = "nothing is stated about the same physical object standing in training and in test"
    categories = ("breakfast_box", "juice_bottle", "pushpins", "screw_bag", "splicing_connectors")
    default_view = "resize:64"
    kinds_are_averaged = True
    downloads = (
        Download(
            url="https://www.mydrive.ch/shares/48237/1b9106ccdfbb09a0c414bd49fe44a14a/download/"
            "430647091-1646842701/mvtec_loco_anomaly_detection.tar.xz",
            sha256="9e7c84dba550fd2e59d8e9e231c929c45ba737b6b6a6d3814100f54d63aae687",
            size=6_126_996_224,
        ),
    )

    def __init__(self, params: Params, root: Path | None, category: str | None) -> None:
        super().__init__(params, root, category)
        self.channels = 1 if params.grey else 3

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        return find_root(folder, BELOW_THE_GIVEN_FOLDER, cls.categories)

    @property
    def folder(self) -> Path:
        return category_folder(self.root, self.category)

    def split(self) -> Split:
        self._require_layout()
        types = read_defect_types(self.folder / "defects_config.json")
        images = self._images()
        masks = self._masks([image for kind in KINDS for image in images[f"test/{kind}"]])
        regions = _regions([mask for of_image in masks.values() for mask in of_image], types, self.folder)
        samples = {
            part: tuple(self._sample(image, [regions[mask] for mask in masks.get(image, ())]) for image in there)
            for part, there in images.items()
        }
        found = {part: len(there) for part, there in images.items()}
        published = self._published()
        extent = "" if found in published.values() else " of a subset"
        return Split(
            train=samples["train/good"],
            val=samples["validation/good"],
            test=tuple(sample for part in PARTS[2:] for sample in samples[part]),
            protocol=f"MVTec LOCO AD, mean of logical and structural{extent}",
            facts={
                "regions": len(regions),
                "defect_types": len(types),
                "saturation_above_area": sum(_is_above_area(mask, region) for mask, region in regions.items()),
            },
            found=found,
            published=published,
        )

    def _published(self) -> dict[str, dict[str, int]]:
        category = str(self.category)
        versions = {"archive": COUNTS[category]}
        if category in AS_IN_THE_PAPER:
            versions = {"archive (3,651 images)": COUNTS[category], "paper (3,644 images)": AS_IN_THE_PAPER[category]}
        return {name: dict(zip(PARTS, counts, strict=True)) for name, counts in versions.items()}

    def _require_layout(self) -> None:
        missing = [part for part in PARTS if not (self.folder / part).is_dir()]
        refuse(missing, f"folder(s) missing in {self.folder}", "Unpack the archive of the data set again.")
        for parent, known in (("test", {"good", *KINDS}), ("ground_truth", set(KINDS))):
            strangers = {f.name for f in list_folders(self.folder / parent)} - known
            remedy = f"Expected only {', '.join(sorted(known))}: move them elsewhere."
            refuse(sorted(strangers), f"unknown folder(s) in {self.folder / parent}", remedy)

    def _images(self) -> dict[str, list[Path]]:
        images = {part: list_images(self.folder / part) for part in PARTS}
        empty = [part for part, there in images.items() if not there]
        refuse(empty, f"folder(s) without images in {self.folder}", "Unpack the archive of the data set again.")
        return images

    def _masks(self, images: list[Path]) -> dict[Path, list[Path]]:
        """All masks of each anomalous image; an image without a mask or the reverse is an error."""
        truth = self.folder / "ground_truth"
        folders = {image: truth / image.parent.name / image.stem for image in images}
        masks = {image: list_images(folder) for image, folder in folders.items()}
        without = [image for image in images if not masks[image]]
        remedy = "Each anomalous image needs its folder of masks."
        refuse(without, f"image(s) without masks in {truth}/<kind>/<name>", remedy)
        there = {each for kind in KINDS for each in (*list_folders(truth / kind), *list_images(truth / kind))}
        refuse(
            sorted(there - set(folders.values())),
            f"folder(s) of masks, or masks outside of one, that belong to no image in {self.folder / 'test'}",
            "The masks of <kind>/<name>.png lie in <kind>/<name>/: remove the others, or add their images.",
        )
        return masks

    def _sample(self, path: Path, regions: list[Region]) -> Sample:
        masks = [region.source for region in regions if region.source]
        kind = path.parent.name
        return Sample(
            id=path.relative_to(self.folder).as_posix(),
            label=ANOMALOUS if kind in KINDS else NORMAL,
            kind=kind,
            read=partial(read_grey if self.params.grey else read_colour, path),
            digest="".join(map(file_digest, (path, *masks))),
            regions=tuple(regions),
            source=path,
        )


def _regions(masks: list[Path], types: dict[int, DefectType], folder: Path) -> dict[Path, Region]:
    """A region for each mask; every mask that means nothing or nothing known is told at once."""
    values = {mask: sorted(mask_areas(mask)) for mask in masks}
    odd = (f"{mask}: {', '.join(map(str, found)) or 'none'}" for mask, found in values.items() if len(found) != 1)
    refuse(
        odd, "mask(s) without exactly one positive pixel value", "A mask holds one defect: 0 and the value of its type."
    )
    unknown = (f"{mask}: {found[0]}" for mask, found in values.items() if found[0] not in types)
    known = ", ".join(map(str, sorted(types, reverse=True)))
    refuse(
        unknown,
        f"mask(s) with a pixel value that {folder / 'defects_config.json'} does not name (it names {known})",
        "Masks and configuration must come from the same archive.",
    )
    return {mask: _region(mask, types[found[0]]) for mask, found in values.items()}


def _region(mask: Path, defect: DefectType) -> Region:
    return Region(partial(read_defect, mask), defect.saturation, defect.relative, defect.name, mask)


def read_defect(mask: Path) -> Mask:
    """``(H, W)``, true where the mask holds its defect."""
    return read_values(mask) > 0


def _is_above_area(mask: Path, region: Region) -> bool:
    """Whether more pixels are asked for than the defect has: then all of it is due, as MVTec's evaluator has it.

    Never so for a rule that asks for a share of the defect.
    """
    (area,) = mask_areas(mask).values()
    return region.saturation is not None and region.saturation > area


def mask_areas(mask: Path) -> Mapping[int, int]:
    """Positive pixel value -> number of its pixels; remembered for as long as the file stays the same."""
    return _mask_areas(mask, mask.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _mask_areas(mask: Path, changed: int) -> Mapping[int, int]:
    areas = np.bincount(read_values(mask).ravel())
    return MappingProxyType({int(value): int(areas[value]) for value in np.flatnonzero(areas) if value})
