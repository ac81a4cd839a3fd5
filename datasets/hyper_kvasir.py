"""Hyper-Kvasir (Borgli et al. 2020): colour frames of endoscopies; learn healthy mucosa, find polyps or other findings.

    labeled-images/<tract>/<section>/<class>/*.jpg    23 classes; folders may also bear the names of image-labels.csv
    segmented-images/{images,masks}/<name>.jpg        1,000 polyps, copies of frames of the class polyps

``protocol=ccd`` (CCD, MICCAI 2021; PMSACL): 1,600 frames of cecum, ileum and bbps-2-3 to learn from, a share of them
held out for validation; 500 others and the 1,000 segmented polyps to test on. The remaining 66 are not used. 1,600 and
500 are from memory, unverified. The lists were never published, so these are the same classes and sizes under our
seed. Who has the authors' archive (folders ``train_set``, ``test_set/normal_test``, ``test_set/abnormal_test``) gets
their lists, without masks, as a protocol of its own. The margin is cut off as there: what is called native is then the
box of 430x430 out of the frame resized to 512x512, for masks too (by nearest neighbour). A polyp that lies wholly in
the margin counts as not annotated.

``protocol=upper-gi`` (the classes and the share of DRA, CVPR 2022, which also learns from anomalies): a quarter of the
upper tract's anatomical landmarks and all of its pathological findings to test on; whole frames, no masks.

Leakage: no patient ids were released, and alike frames of one examination may stand on both sides. Copies of a file are
kept together. Mirroring: an endoscope turns about its own axis and the bowel has no left or right in the image, so a
mirrored frame is as normal; only the overlays in the corners give it away, and these the crop mostly removes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from bench import contracts
from bench.contracts import ANOMALOUS, NORMAL, Download, Region, Sample, Split
from bench.errors import DataError, refuse
from bench.files import file_digest

from .layouts.kvasir import (
    TEST_ABNORMAL,
    TEST_NORMAL,
    TRAIN,
    class_folder,
    images_in,
    is_authors_archive,
    locate,
    pairs,
    unpacked,
)
from .preprocessing.dealing import deal, hold_out
from .preprocessing.endoscopy import read_frame, read_polyp

LOWER_NORMAL = {"cecum": 1009, "ileum": 9, "bbps-2-3": 1148}
UPPER_NORMAL = {"pylorus": 999, "retroflex-stomach": 764, "z-line": 932}
UPPER_FINDINGS = {"barretts": 41, "barretts-short-segment": 53, "esophagitis-a": 403, "esophagitis-b-d": 260}
SEGMENTED = {"segmented polyps": 1000}
LEARNT, TESTED = 1600, 500
AUTHORS_LISTS = {TRAIN: LEARNT, TEST_NORMAL: TESTED, TEST_ABNORMAL: 1000}
UPPER_TEST_SHARE = 0.25
NATIVE = "the box (45, 45) to (475, 475) of the frame resized to 512x512"
CCD_LISTS = "never published: same classes and sizes, drawn with our seed"
DRA_LISTS = "drawn by their authors from files in an unknown order: same classes and share, drawn with our seed"


class Params(contracts.Params):
    """Which anomalies are looked for, and how the normal frames are split."""

    protocol: Literal["ccd", "upper-gi"] = Field(
        "ccd", description="ccd: polyps of the lower tract, with masks; upper-gi: findings of the upper tract, without"
    )
    crop: bool | None = Field(
        None, description="cut off the margin as CCD does; unless set, done for ccd and not for upper-gi"
    )
    split_seed: int = Field(0, ge=0, description="which normal frames are tested and which are held out")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of the training frames held out")


class Dataset(contracts.Dataset[Params]):
    """Frames ``(430, 430, 3)`` where the margin is cut off, of varying size elsewhere."""

    summary = "Endoscopy (Hyper-Kvasir): healthy bowel against polyps with masks, or landmarks against findings"
    needs = (
        "labeled-images and, for polyps, segmented-images, side by side:"
        " hyper-kvasir-labeled-images.zip and hyper-kvasir-segmented-images.zip of https://datasets.simula.no/hyper-kvasir"
    )
    licence = "CC BY 4.0 (LICENSE.md of github.com/simula/hyper-kvasir); its README allows research and education only"
    citation = "Borgli et al., HyperKvasir, Scientific Data 7:283, 2020, doi:10.1038/s41597-020-00622-y"
    leakage = "no patient ids were released: near-duplicate frames may stand in training and in test"
    default_view = "resize:64"
    channels = 3
    mirrored_is_normal = True
    downloads = (
        Download(
            url="https://datasets.simula.no/downloads/hyper-kvasir/hyper-kvasir-labeled-images.zip",
            sha256="c603449b1bc0be86948b11d9aea8b2002058a11e6f5499e2a384b9ae9c8dbd3f",
            size=3_928_814_344,  # as a user of this very file (same SHA-256) recorded it; its page says 3.9 GB
            unpacked_size=6_000_000_000,  # a generous bound, not measured: JPEG files hardly shrink in a zip
        ),
        Download(
            url="https://datasets.simula.no/downloads/hyper-kvasir/hyper-kvasir-segmented-images.zip",
            sha256="4463011f991dcdc74ec56399788b1a93822593f17ed18a662bdeb7392ffcdd9a",
            size=46_179_365,
            unpacked_size=100_000_000,  # a generous bound, not measured
        ),
    )

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        return locate(folder)

    def split(self) -> Split:
        if self.params.protocol == "upper-gi":
            return self._upper()
        return self._authors_lists() if is_authors_archive(self.root) else self._lower()

    @property
    def _crop(self) -> bool:
        return self.params.protocol == "ccd" if self.params.crop is None else self.params.crop

    def _lower(self) -> Split:
        frames = {name: self._of_class(name, NORMAL) for name in LOWER_NORMAL}
        normals = _all(frames)
        learnable, tested = deal(normals, LEARNT, TESTED, self.params.split_seed)
        polyps = self._polyps()
        found = _counts(frames) | {"segmented polyps": len(polyps)}
        facts = {
            "lists": CCD_LISTS,
            "normal_frames_unused": len(normals) - len(learnable) - len(tested),
            "polyps_cut_off_with_the_margin": sum(polyp.regions is None for polyp in polyps),
        }
        rule = "CCD's classes and sizes, our seed"
        return self._split(rule, learnable, [*tested, *polyps], found, LOWER_NORMAL | SEGMENTED, facts)

    def _upper(self) -> Split:
        normal = {name: self._of_class(name, NORMAL) for name in UPPER_NORMAL}
        findings = {name: self._of_class(name, ANOMALOUS) for name in UPPER_FINDINGS}
        normals = _all(normal)
        quarter = ceil(UPPER_TEST_SHARE * len(normals))
        learnable, tested = deal(normals, len(normals) - quarter, quarter, self.params.split_seed)
        found, published = _counts(normal | findings), UPPER_NORMAL | UPPER_FINDINGS
        rule = "upper tract, DRA's classes and share, our seed"
        return self._split(rule, learnable, [*tested, *_all(findings)], found, published, {"lists": DRA_LISTS})

    def _authors_lists(self) -> Split:
        kinds = {TRAIN: "good", TEST_NORMAL: "good", TEST_ABNORMAL: "polyp"}
        parts = {
            part: [self._sample(path, self.root, kind) for path in images_in(self.root / part)]
            for part, kind in kinds.items()
        }
        test = [*parts[TEST_NORMAL], *parts[TEST_ABNORMAL]]
        rule = "CCD, the authors' lists, no masks"
        return self._split(rule, parts[TRAIN], test, _counts(parts), AUTHORS_LISTS, {"lists": "the authors'"})

    def _split(
        self,
        rule: str,
        learnable: Sequence[Sample],
        test: Sequence[Sample],
        found: Mapping[str, int],
        published: Mapping[str, int],
        facts: Mapping[str, Any],
    ) -> Split:
        train, val = hold_out(learnable, self.params.validation_share, self.params.split_seed)
        extent = "" if found == published else ", a subset"
        margin = ", margin cut off" if self._crop else ", whole frames"
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol=f"Hyper-Kvasir: {rule}{margin}{extent}",
            facts={"native": NATIVE if self._crop else "whole frames", **facts},
            known_leakage=self.leakage,
            found=found,
            published={"CCD's archive" if TRAIN in published else "2020": published},
        )

    def _of_class(self, name: str, label: int) -> list[Sample]:
        labelled = unpacked(self.root, "labeled-images")
        folder = class_folder(labelled, name)
        kind = "good" if label == NORMAL else name
        return [self._sample(path, labelled.parent, kind) for path in images_in(folder)]

    def _polyps(self) -> list[Sample]:
        """The segmented polyps; raises ``DataError`` naming every mask that cannot be used."""
        segmented = unpacked(self.root, "segmented-images")
        polyps, problems = [], []
        for frame, mask in pairs(segmented):
            try:
                polyps.append(self._polyp(frame, mask, segmented.parent))
            except DataError as error:
                problems.append(error)
        refuse(problems, "mask(s) cannot be used", "Unpack hyper-kvasir-segmented-images.zip again.")
        return polyps

    def _polyp(self, frame: Path, mask: Path, base: Path) -> Sample:
        region = Region(partial(read_polyp, mask, frame, self._crop), name="polyp", source=mask)
        is_visible = bool(region.read().any())
        return self._sample(frame, base, "polyp", (region,) if is_visible else None, file_digest(mask))

    def _sample(
        self, path: Path, base: Path, kind: str, regions: tuple[Region, ...] | None = None, mask_digest: str = ""
    ) -> Sample:
        return Sample(
            id=path.relative_to(base).as_posix(),
            label=NORMAL if kind == "good" else ANOMALOUS,
            kind=kind,
            read=partial(read_frame, path, self._crop),
            digest=file_digest(path) + mask_digest,
            regions=() if kind == "good" else regions,
            source=path,
        )


def _all(samples: Mapping[str, Sequence[Sample]]) -> list[Sample]:
    return [sample for of_class in samples.values() for sample in of_class]


def _counts(samples: Mapping[str, Sequence[Sample]]) -> dict[str, int]:
    return {name: len(of_class) for name, of_class in samples.items()}
