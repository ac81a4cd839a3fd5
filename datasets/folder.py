"""Your own images, in the layout of MVTec AD.

    train/good/*                          normal images to learn from
    validation/good/* (or val/good/*)     optional; else a seeded share of train/good
    test/good/*, test/<kind>/*            normal and anomalous images
    ground_truth/<kind>/<stem>_mask.png   optional; also <stem>.png, or <stem>/*.png with one defect per mask

Default view: the whole image at 64x64. Whether images repeat between the parts is checked by content.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from bench import contracts
from bench.contracts import Split

from .layouts.tree import Tree, masks_in


class Params(contracts.Params):
    """How the tree is read."""

    grey: bool = Field(False, description="read images as grey instead of colour")
    mirror: bool = Field(False, description="a normal image mirrored left to right is normal; training may mirror")
    mask_threshold: int = Field(0, ge=0, le=254, description="mask pixels above this are defect; 127 for JPEG masks")
    group_pattern: str = Field("", description="regular expression with one group: what of a file name is the patient")
    validation_share: float = Field(0.1, gt=0, lt=1, description="share of train/good held out if there is no folder")
    split_seed: int = Field(0, ge=0, description="which images are held out")

    @field_validator("group_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if pattern and groups != 1:
            raise ValueError(f"expected one group in parentheses, found {groups}")
        return pattern


class Dataset(contracts.Dataset[Params]):
    """A tree of images."""

    summary = "your own images: train/good, test/<kind>, optional ground_truth/<kind>"
    needs = "a folder with train/good, test/good, test/<kind> and, if there are masks, ground_truth/<kind>."
    default_view = "resize:64"

    def __init__(self, params: Params, root: Path | None, category: str | None) -> None:
        super().__init__(params, root, category)
        self.channels = 1 if params.grey else 3
        self.mirrored_is_normal = params.mirror

    @classmethod
    def locate(cls, folder: Path) -> Path | None:
        return folder if (folder / "train").is_dir() and (folder / "test").is_dir() else None

    def split(self) -> Split:
        tree = self._tree()
        train, val, test = tree.parts()
        facts: dict[str, object] = {"masks": masks_in(test)}
        if not facts["masks"] and (others := tree.folders_not_read()):
            facts["folders_not_read"] = ", ".join(others)  # the masks may lie there
        return Split(
            train=tuple(train),
            val=tuple(val),
            test=tuple(test),
            protocol=f"folder {self.root.resolve().name}",
            facts=facts,
            group_name="group" if self.params.group_pattern else None,
        )

    def _tree(self) -> Tree:
        return Tree(
            root=self.root,
            grey=self.params.grey,
            validation_share=self.params.validation_share,
            split_seed=self.params.split_seed,
            mask_threshold=self.params.mask_threshold,
            group_pattern=self.params.group_pattern,
        )
