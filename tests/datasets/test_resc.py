"""BMAD's RESC in each packing, from tiny scans and masks with the published names."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets import resc
from PIL import Image

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL
from bench.errors import DataError

REAL = Path(__file__).parents[2].parent / "shared/data"
TRAIN = ["1_1.png", "1_2.png", "2_1.png", "3_7.png"]
VAL = ["1_9.png", "2_20.png"]
GOOD = ["15_3.png", "1_10.png", "2_21.png"]
UNGOOD = ["1_64.png", "1_65.png", "4_80.png"]


def folders(train="train", val="val", test="test", ungood="Ungood", img="/img", masks="test/Ungood/label"):
    """Of training, validation good and ungood, test good and ungood, and the masks of the last."""
    kinds = [f"{part}/{kind}{img}" for part in (val, test) for kind in ("good", ungood)]
    return (f"{train}/good", *kinds, masks)


PACKINGS = {
    "authors' archive": folders(ungood="ungood", masks="test/ungood/label"),
    "BMAD's scripts": folders("Train/train", "Val/val", "Test/test", img="", masks="Test/test_label/Ungood"),
    "anomalib's zip": folders(val="valid"),
    "MVFA's tar, training part added": folders(val="valid", masks="test/Ungood/anomaly_mask"),
}


def write(folder, names, values=None):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        grey = np.random.default_rng([number, len(str(folder))]).integers(0, 255, (8, 6), dtype=np.uint8)
        Image.fromarray(grey if values is None else values).save(folder / name)


def mask(level=255):
    values = np.zeros((8, 6), dtype=np.uint8)
    values[2:4, 1:5] = level
    return values


def collection(root, packing="authors' archive"):
    *images, masks = PACKINGS[packing]
    for folder, names in zip(images, (TRAIN, VAL, ["1_70.png"], GOOD, UNGOOD), strict=True):
        write(root / folder, names)
    write(root / masks, UNGOOD, mask())
    return root


def masks_of(root):
    return root / "test/ungood/label"


def split(root):
    return resc.Dataset(resc.Params(), root, None).split()


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_is_named_and_gives_the_same_parts(tmp_path, packing):
    found = split(collection(tmp_path, packing))
    assert found.facts["packing"] == packing
    assert [s.source.name for s in found.train] == TRAIN
    assert [s.source.name for s in found.val] == VAL
    assert [s.source.name for s in found.test] == GOOD + UNGOOD
    assert [[r.source.name for r in s.regions] for s in found.test] == [[], [], [], *([name] for name in UNGOOD)]
    assert found.facts["val_anomalous_not_used"] == 1


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "below", ["", "RESC", "Retina_RESC", "Retina_RESC_AD/RESC", "Retina_RESC_AD", "BMAD/Retina_RESC"]
)
def test_every_packing_is_found_below_the_given_folder(tmp_path, packing, below):
    root = collection(tmp_path / "data" / below, packing)
    assert resc.Dataset.locate(tmp_path / "data") == root


def test_mvfas_tar_is_recognised_and_its_missing_part_named(tmp_path):
    root = tmp_path / "Retina_RESC_AD"
    collection(root, "MVFA's tar, training part added")
    (root / "train").rename(tmp_path / "away")
    assert resc.Dataset.locate(tmp_path) == root
    with pytest.raises(DataError, match=r"found no folder 'train' in .*Retina_RESC_AD, only test, valid. MVFA's tar"):
        split(root)


def test_labels_kinds_and_regions(tmp_path):
    found = split(collection(tmp_path))
    assert Counter((s.label, s.kind) for s in found.test) == {(NORMAL, "good"): 3, (ANOMALOUS, "edema"): 3}
    region = found.test[3].regions[0]
    assert (region.saturation, region.name) == (None, "edema")
    np.testing.assert_array_equal(region.read(), mask() > 0)
    assert found.test[3].id == "test/ungood/img/1_64.png"


def test_all_lesions_of_the_challenge_are_one_mask(tmp_path):
    root = collection(tmp_path)
    values = mask()
    values[2, 1:4] = (128, 191, 255)  # detachment, fluid, edema
    write(masks_of(root), UNGOOD, values)
    np.testing.assert_array_equal(split(root).test[3].regions[0].read(), values > 0)


@pytest.mark.parametrize("level", [1, 3, 127])
def test_a_lesion_that_would_vanish_is_refused_with_its_values(tmp_path, level):
    root = collection(tmp_path)
    write(masks_of(root), UNGOOD[:1], mask(level))
    with pytest.raises(DataError, match=rf"1_64.png: expected 0 and values above 127 .*, found 0, {level}\."):
        split(root)


def test_an_empty_mask_means_not_annotated(tmp_path):
    root = collection(tmp_path)
    write(masks_of(root), UNGOOD[:1], mask(0))
    found = split(root)
    assert [s.regions is None for s in found.test] == [False, False, False, True, False, False]
    assert found.facts["test_images_not_annotated"] == 1
    write(masks_of(root), UNGOOD[:1], mask())  # a redrawn mask is seen
    (masks_of(root) / UNGOOD[0]).touch()
    assert split(root).facts["test_images_not_annotated"] == 0


def test_black_masks_of_normal_images_are_ignored(tmp_path):
    root = collection(tmp_path)
    before = [s.id for s in split(root).test]
    write(root / "test/good/label", GOOD, mask(0))
    write(root / "val/good/label", VAL, mask(0))
    assert [s.id for s in split(root).test] == before


def test_images_without_mask_are_listed(tmp_path):
    root = collection(tmp_path)
    (masks_of(root) / "1_65.png").unlink()
    (masks_of(root) / "4_80.png").unlink()
    with pytest.raises(DataError, match=r"2 image\(s\) have no mask in .*label:\n.*1_65.png\n.*4_80.png"):
        split(root)


def test_masks_without_image_are_listed(tmp_path):
    root = collection(tmp_path)
    write(masks_of(root), ["9_9.png"], mask())
    with pytest.raises(DataError, match=r"1 mask\(s\) in .*label have no image:\n.*9_9.png"):
        split(root)


def test_two_masks_of_one_image_are_listed(tmp_path):
    root = collection(tmp_path)
    write(masks_of(root), ["1_64.bmp"], mask())
    with pytest.raises(DataError, match=r"1 mask\(s\) in .*not the only ones of their image:\n.*1_64.bmp"):
        split(root)


def test_scans_that_would_share_a_mask_are_refused(tmp_path):
    write(collection(tmp_path) / "test/ungood/img", ["1_64.bmp"])
    with pytest.raises(DataError, match=r"2 image\(s\) share one mask in .*label:\n.*1_64\.bmp\n.*1_64\.png"):
        split(tmp_path)


def test_two_folders_of_masks_are_refused(tmp_path):
    root = collection(tmp_path)
    write(root / "test/ungood/anomaly_mask", UNGOOD, mask())
    with pytest.raises(DataError, match=r"one folder of masks for .*ungood, found .*label, .*anomaly_mask"):
        split(root)


def test_a_set_without_masks_is_refused(tmp_path):
    root = collection(tmp_path)
    masks_of(root).rename(tmp_path / "away")
    with pytest.raises(DataError, match=r"Expected masks for 3 images of .*img.*--dataset oct-bmad"):
        split(root)


def test_a_validation_part_without_normal_images_is_refused(tmp_path):
    root = collection(tmp_path)
    for name in VAL:
        (root / "val/good/img" / name).unlink()
    with pytest.raises(DataError, match=r"Expected images in .*val.good or .*img, found none; folders in it: img"):
        split(root)


def test_cubes_group_the_test_and_show_in_validation(tmp_path):
    found = split(collection(tmp_path))
    assert found.group_name == "cube"
    assert [s.group for s in found.test] == ["15", "1", "2", "1", "1", "4"]
    assert {s.group for s in found.train} == {None}  # the numbers of training are not those of the test
    assert (found.facts["test_cubes"], found.facts["test_cubes_in_validation"]) == (4, 2)
    assert found.known_leakage is None  # slices alike, yet none repeated: an image that is would be a fault


def test_renamed_scans_have_no_cube(tmp_path):
    root = collection(tmp_path)
    for path in root.rglob("*.png"):
        path.rename(path.with_name(f"scan{path.stem}.png"))
    found = split(root)
    assert {s.group for s in found.test} == {None}
    assert found.facts["test_scans_without_cube"] == 6


def test_counts_decide_whether_it_is_a_subset(tmp_path, monkeypatch):
    root = collection(tmp_path)
    found = split(root)
    assert found.found == {"train": 4, "val": 2, "val_anomalous": 1, "test": 3, "test_anomalous": 3}
    assert (found.is_subset, found.protocol) == (True, "BMAD RESC, published parts of a subset")
    assert found.published["BMAD"] == {
        "train": 4_297, "val": 45, "val_anomalous": 70, "test": 1_041, "test_anomalous": 764
    }  # fmt: skip
    monkeypatch.setattr(resc, "PUBLISHED", dict(found.found))
    assert (split(root).version, split(root).protocol) == ("BMAD", "BMAD RESC, published parts")


def test_masks_belong_to_the_content(tmp_path):
    root = collection(tmp_path)
    before = {s.id: s.digest for s in split(root).test}
    write(masks_of(root), UNGOOD[:1], mask(254))
    after = {s.id: s.digest for s in split(root).test}
    assert {name for name in before if before[name] != after[name]} == {"test/ungood/img/1_64.png"}


def test_samples_survive_pickling_and_the_split_repeats(tmp_path):
    root = collection(tmp_path)
    found = split(root)
    assert [s.digest for s in split(root).test] == [s.digest for s in found.test]
    for sample in pickle.loads(pickle.dumps(found)).test:  # noqa: S301
        np.testing.assert_array_equal(sample.read(), np.asarray(Image.open(sample.source)))
        assert all(region.read().shape == (8, 6) for region in sample.regions)


@pytest.mark.parametrize("below", ["OCT2017", "Retina_OCT2017", "Retina_Brain", "hist_DIY"])
def test_other_sets_of_bmad_are_not_taken_for_it(tmp_path, below):
    root = collection(tmp_path / below)
    assert resc.Dataset.locate(tmp_path) is None
    assert resc.Dataset.locate(root) is None


def test_the_real_small_sets_are_not_taken_for_it():
    if not REAL.is_dir():
        pytest.skip(f"the small real data sets are not at {REAL}")
    assert [folder for folder in (REAL, *REAL.iterdir()) if resc.Dataset.locate(folder)] == []
