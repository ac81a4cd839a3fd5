"""MVTec AD (Bergmann et al., CVPR 2019, IJCV 2021): fifteen products and textures with defects.

    <category>/train/good/000.png …                      normal images to learn from
    <category>/test/{good,<kind>}/000.png …              5,354 images in all, 1,258 of them with defects of 73 kinds
    <category>/ground_truth/<kind>/000_mask.png …        one mask for each defective image

Protocol: learn from ``train/good``, test on ``test``. The archive has no images to validate on: a seeded tenth of
``train/good`` is held out, so a method learns from fewer images than in work that takes all of them. The figure of the
data set is the mean over the categories. Nobody published saturation rules here: every connected component of a mask is
a defect of its own (AU-PRO). Default view: the whole image at 64x64, in colour. Images are not mirrored: the kind
``flip`` of metal_nut is a part lying the wrong way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from bench import contracts
from bench.contracts import NORMAL, Download, Sample, Split
from bench.errors import refuse

from .layouts.categories import category_folder, find_root
from .layouts.tree import VALIDATION, Tree, masks_in

PARTS = ("train/good", "test/good", "test/<kind>")
COUNTS = {
    "bottle": (209, 20, 63),
    "cable": (224, 58, 92),
    "capsule": (219, 23, 109),
    "carpet": (280, 28, 89),
    "grid": (264, 21, 57),
    "hazelnut": (391, 40, 70),
    "leather": (245, 32, 92),
    "metal_nut": (220, 22, 93),
    "pill": (267, 26, 141),
    "screw": (320, 41, 119),
    "tile": (230, 33, 84),
    "toothbrush": (60, 12, 30),
    "transistor": (213, 60, 40),
    "wood": (247, 19, 60),
    "zipper": (240, 32, 119),
}
"""Images to learn from, normal and anomalous ones to test on: 3,629, 467 and 1,258 in all."""
BELOW_THE_GIVEN_FOLDER = ("", "mvtec_anomaly_detection", "mvtec_ad", "MVTecAD", "mvtec")


class Params(contracts.Params):
    """How the images are read and which are held out."""

    grey: bool = Field(False, description="read images as grey instead of colour")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of train/good held out")
    split_seed: int = Field(0, ge=0, description="which images are held out")


class Dataset(contracts.Dataset[Params]):
    """One category; sample ids are relative to the category's folder."""

    summary = "MVTec AD: fifteen products and textures, defects with masks"
    needs = "mvtec_anomaly_detection.tar.xz (5.3 GB) from https://www.mvtec.com/company/research/datasets/mvtec-ad"
    licence = "CC BY-NC-SA 4.0"
    citation = "Bergmann et al.: The MVTec anomaly detection dataset, IJCV 129, 2021, doi:10.1007/s11263-020-01400-4"
    leakage = "nothing is stated about the same physical object standing in training and in test"
    categories = (
        "bottle",
        "cable",
        "capsule",
        "carpet",
        "grid",
        "hazelnut",
        "leather",
        "metal_nut",
        "pill",
        "screw",
        "tile",
        "toothbrush",
        "transistor",
        "wood",
        "zipper",
    )
    default_view = "resize:64"
    downloads = (
        Download(
            url="https://www.mydrive.ch/shares/150996/b52ecdcbf521176e9db9c731f2304b27/"
            "download/420938113-1629960298/mvtec_anomaly_detection.tar.xz",
            sha256="cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d",
            size=5_264_982_680,
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
        train, val, test = Tree(
            self.folder, self.params.grey, self.params.validation_share, self.params.split_seed
        ).parts()
        found = dict(zip(PARTS, _counts([*train, *val], test), strict=True))
        published = dict(zip(PARTS, COUNTS[str(self.category)], strict=True))
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol=f"MVTec AD, {self._held_out()} held out{'' if found == published else ' of a subset'}",
            facts={"masks": masks_in(test)},
            found=found,
            published={"archive": published},
        )

    def _held_out(self) -> str:
        share = self.params.validation_share
        return f"a seeded {'tenth' if share == 0.1 else f'share of {share:g}'} of the training images"

    def _require_layout(self) -> None:
        """What a ``Tree`` accepts, but is not MVTec AD: a validation part, and anomalies without masks."""
        extra = [part for part in VALIDATION if (self.folder / part).is_dir()]
        remedy = "The archive has none, its protocol holds out training images: move it away, or use --dataset folder."
        refuse(extra, f"folder(s) of validation images in {self.folder}", remedy)
        truth = self.folder / "ground_truth"
        kinds = sorted(f.name for f in (self.folder / "test").glob("[!.]*") if f.is_dir() and f.name != "good")
        without = [kind for kind in kinds if not (truth / kind).is_dir()]
        refuse(without, f"kind(s) of anomaly without a folder of masks in {truth}", "Unpack the archive again.")


def _counts(learnable: Sequence[Sample], test: Sequence[Sample]) -> tuple[int, int, int]:
    """Images in ``train/good``, in ``test/good`` and in the other folders of ``test``."""
    good = sum(sample.label == NORMAL for sample in test)
    return len(learnable), good, len(test) - good
