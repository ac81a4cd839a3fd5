"""Protocols that published rows call ours are those our data sets write, seen on a small tree of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import registry
from bench.boards.published import read

LOCO = "mvtec-loco"
LOGICAL, STRUCTURAL = "logical_anomalies", "structural_anomalies"
ROWS = read()


def image(path, size=(8, 8), value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, dtype=np.uint8)).save(path)


def images(folder, count, first="0", **drawn):
    """Each of another grey: copies of a file would be kept together."""
    for i in range(count):
        image(folder / f"{first}_{i}.png", value=10 + i, **drawn)


def kvasir_tree(root):
    for folder in ("anatomical-landmarks/cecum", "anatomical-landmarks/ileum", "quality-of-mucosal-views/bbps-2-3"):
        images(root / "labeled-images/lower-gi-tract" / folder, 8, first=Path(folder).name)
    image(root / "segmented-images/images/a.png", (40, 40), 9)
    image(root / "segmented-images/masks/a.png", (40, 40), 255)


def kvasir_archive(root):
    for i, part in enumerate(("train_set", "test_set/normal_test", "test_set/abnormal_test")):
        images(root / part, 8, first=str(i))


def lag_tree(root):
    for folder in ("non_glaucoma", "suspicious_glaucoma"):
        images(root / folder / "image", 8)


def loco_tree(root):
    folder = root / "pushpins"
    for part in ("train/good", "validation/good", "test/good"):
        images(folder / part, 2)
    for kind in (LOGICAL, STRUCTURAL):
        image(folder / f"test/{kind}/000.png")
        image(folder / f"ground_truth/{kind}/000/000.png", value=255)
    rule = {"defect_name": "d", "pixel_value": 255, "saturation_threshold": 9, "relative_saturation": False}
    (folder / "defects_config.json").write_text(json.dumps([rule]), encoding="utf-8")


def bmad_tree(root, ungood, first):
    for number, part in enumerate(("train/good", "val/good/img", "test/good/img")):
        images(root / part, 2, first=first.format("NORMAL", number))
    for number, part in enumerate(("val", "test")):
        images(root / part / ungood / "img", 1, first=first.format("CNV", 9 + number))
    images(root / "test" / ungood / "label", 1, first=first.format("CNV", 10), size=(8, 8))
    image(root / "test" / ungood / "label" / f"{first.format('CNV', 10)}_0.png", value=255)


def resc_tree(root):
    bmad_tree(root, "ungood", "{1}")


def oct_bmad_tree(root):
    bmad_tree(root, "Ungood", "{0}-{1}")


TREES = {
    "hyper-kvasir": [kvasir_tree, kvasir_archive],
    "lag": [lag_tree],
    LOCO: [loco_tree],
    "resc": [resc_tree],
    "oct-bmad": [oct_bmad_tree],
}


def protocol_of(dataset, tree, folder):
    """What the data set writes into its split, less the remark that our tree is not all of it."""
    tree(folder)
    cls, params = registry.load_dataset(dataset)
    category = "pushpins" if cls.categories else None
    split = cls(params(), cls.locate(folder), category).split()
    assert split.is_subset
    return split.protocol.removesuffix(" of a subset").removesuffix(", a subset")


def test_every_data_set_with_comparable_rows_has_its_trees():
    assert {row.dataset for row in ROWS if row.comparable_with} == set(TREES)


@pytest.mark.parametrize("dataset", TREES)
def test_protocols_called_ours_are_those_our_data_sets_write(dataset, tmp_path):
    written = {protocol_of(dataset, tree, tmp_path / tree.__name__) for tree in TREES[dataset]}
    assert {protocol for row in ROWS if row.dataset == dataset for protocol in row.comparable_with} == written
