"""LAG, part 1 (Li et al. 2019): fundus photographs; learn eyes without glaucoma, find those suspected of it.

    LAG_database_part_1/{non_glaucoma,suspicious_glaucoma}/{image,attention_map,label}/*    500x500 JPEG images

``split=ccd`` (CCD, MICCAI 2021; PMSACL): 2,343 normal images to learn from, a share of them held out for validation;
800 others and all 1,711 with glaucoma to test on: numbers from memory, unverified, which add up to what part 1 holds.
The lists were never published, so these are the same classes and sizes under our seed. ``split=medianomaly`` (Cai et
al. 2024): 1,500 to learn from, 811 normal and 811 with glaucoma to test on, as their published ``data.json`` lists
them. It is looked for in the data folder and beside it; their archive, with all images in one folder ``images``, will
do too. They held out no images for validation and read grey values.

The attention maps show where ophthalmologists looked, which is not where the disease is: they are not used as masks.
Leakage: no patient ids were released, so the two eyes of a person may stand in training and in test. Mirroring: the
left eye is the mirror image of the right one, and both occur, so a mirrored image is as normal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Sample, Split
from bench.errors import DataError, refuse
from bench.files import file_digest, list_images, read_colour

from .preprocessing.dealing import deal, hold_out

HEALTHY, ILL = "non_glaucoma", "suspicious_glaucoma"
KINDS = {HEALTHY: "good", ILL: "glaucoma"}
BELOW_THE_GIVEN_FOLDER = ("", "LAG_database_part_1", "LAG", "LAG/LAG_database_part_1", "lag/LAG_database_part_1")
LISTS, FLAT = "data.json", "images"
LEARNT, TESTED = 2343, 800
PARTS = {("train", "0"): HEALTHY, ("test", "0"): HEALTHY, ("test", "1"): ILL}
"""Where data.json keeps its three lists, and the class that each of them is taken from."""
SOURCE = f"{LISTS} is in LAG.tar.gz of https://zenodo.org/records/12677223"
RULES = {"ccd": "CCD's classes and sizes, our seed", "medianomaly": "MedIAnomaly's published lists"}
ORIGIN = {"ccd": "never published: same classes and sizes, drawn with our seed", "medianomaly": SOURCE}
PUBLISHED = {
    "ccd": {"part 1": {HEALTHY: 3143, ILL: 1711}},
    "medianomaly": {"MedIAnomaly": {"train 0": 1500, "test 0": 811, "test 1": 811}},
}


class Params(contracts.Params):
    """Whose split."""

    split: Literal["ccd", "medianomaly"] = Field(
        "ccd", description="ccd: CCD's sizes, drawn with our seed; medianomaly: the published lists of data.json"
    )
    split_seed: int = Field(0, ge=0, description="which normal images are tested (ccd only) and which are held out")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of the training images held out")


class Dataset(contracts.Dataset[Params]):
    """Colour images ``(500, 500, 3)``, labels per image."""

    summary = "Fundus photographs (LAG, part 1): no glaucoma against suspected glaucoma"
    needs = (
        "LAG_database_part_1.rar, unpacked. Its password comes by e-mail from the authors, whom"
        " https://github.com/smilell/AG-CNN names; nothing can be downloaded for you."
    )
    licence = "academic use only, no re-upload; on request from the authors"
    citation = "Li et al., Attention based glaucoma detection: a large-scale database and CNN model, CVPR 2019"
    leakage = "no patient ids were released: the two eyes of a person may stand in training and in test"
    default_view = "resize:64"
    channels = 3
    mirrored_is_normal = True

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        roots = (folder / below for below in BELOW_THE_GIVEN_FOLDER)
        return next((root for root in roots if _has_classes(root) or _is_flat(root)), None)

    def split(self) -> Split:
        return self._listed() if self.params.split == "medianomaly" else self._drawn()

    def _drawn(self) -> Split:
        if not _has_classes(self.root):
            raise DataError(
                f"Expected the folders {HEALTHY} and {ILL} in {self.root}, found {LISTS} and {FLAT}, which is"
                " MedIAnomaly's archive of LAG: add --set split=medianomaly, or give LAG itself with --data-root."
            )
        normals, glaucoma = self._of_class(HEALTHY), self._of_class(ILL)
        learnable, tested = deal(normals, LEARNT, TESTED, self.params.split_seed)
        found = {HEALTHY: len(normals), ILL: len(glaucoma)}
        return self._split(learnable, [*tested, *glaucoma], found)

    def _listed(self) -> Split:
        lists = self._lists()
        paths = {part: [self._path(name, PARTS[part]) for name in names] for part, names in read_lists(lists).items()}
        missing = [path for listed in paths.values() for path in listed if not path.is_file()]
        refuse(missing, f"image(s) that {lists} names are not there", f"{SOURCE}, together with its images.")
        learnable, *test = ([self._sample(path, PARTS[part]) for path in listed] for part, listed in paths.items())
        found = {" ".join(part): len(listed) for part, listed in paths.items()}
        return self._split(learnable, [sample for listed in test for sample in listed], found)

    def _split(self, learnable: Sequence[Sample], test: Sequence[Sample], found: Mapping[str, int]) -> Split:
        rule, published = self.params.split, PUBLISHED[self.params.split]
        train, val = hold_out(learnable, self.params.validation_share, self.params.split_seed)
        extent = "" if found in published.values() else ", a subset"
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol=f"LAG: {RULES[rule]}{extent}",
            facts={"lists": ORIGIN[rule]},
            found=found,
            published=published,
        )

    def _lists(self) -> Path:
        places = (self.root / LISTS, self.root.parent / LISTS)
        if found := next((path for path in places if path.is_file()), None):
            return found
        raise DataError(
            f"Expected {' or '.join(map(str, places))} for split=medianomaly, found neither. {SOURCE}: put it there or"
            " give the unpacked archive with --data-root. --set split=ccd needs no lists."
        )

    def _path(self, name: str, folder: str) -> Path:
        """Where an image of the lists must lie: in the flat archive as it is named, else among those of its class."""
        if (self.root / FLAT).is_dir():
            return self.root / FLAT / name
        return self.root / folder / "image" / PurePosixPath(name).name

    def _of_class(self, folder: str) -> list[Sample]:
        images = list_images(self.root / folder / "image")
        if not images:
            raise DataError(f"Expected images in {self.root / folder / 'image'}, found none. Unpack the archive again.")
        return [self._sample(path, folder) for path in images]

    def _sample(self, path: Path, folder: str) -> Sample:
        return Sample(
            id=path.relative_to(self.root).as_posix(),
            label=NORMAL if folder == HEALTHY else ANOMALOUS,
            kind=KINDS[folder],
            read=partial(read_colour, path),
            digest=file_digest(path),
            regions=() if folder == HEALTHY else None,
            source=path,
        )


def read_lists(path: Path) -> dict[tuple[str, str], list[str]]:
    """The file names of each of the three lists of ``data.json``; raises ``DataError`` if one of them is missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {(part, label): [str(name) for name in content[part][label]] for part, label in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        wanted = '{"train": {"0": [names]}, "test": {"0": [names], "1": [names]}}'
        raise DataError(f"{path}: expected {wanted}, found something else ({error!r}). {SOURCE}.") from error


def _has_classes(root: Path) -> bool:
    return all((root / folder).is_dir() for folder in (HEALTHY, ILL))


def _is_flat(root: Path) -> bool:
    """MedIAnomaly's archive: its lists beside one folder of all images."""
    return (root / LISTS).is_file() and (root / FLAT).is_dir()
