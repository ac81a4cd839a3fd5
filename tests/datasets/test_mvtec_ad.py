"""MVTec AD: small trees in its layout, published counts, refusals, and a real category beside the checkout."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets import mvtec_ad
from PIL import Image

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL
from bench.errors import DataError
from bench.images import manifest_digest

REAL = Path(__file__).parents[2].parent / "shared/data/hazelnut_toy"
SIZE = (6, 8)
TENTH = "MVTec AD, a seeded tenth of the training images held out"


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_images(folder, *names):
    for name in names:
        rng = np.random.default_rng(list(name.encode()))
        write(folder / name, rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8))


def write_mask(folder, kind, image, level=255):
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[1:3, 2:5] = level
    mask[4, 7] = level
    write(folder / f"ground_truth/{kind}/{image}_mask.png", mask)


def tree(root, category="bottle"):
    """20 images to learn from; 2 normal, 2 broken and 1 contaminated to test on, each of the latter with its mask."""
    folder = root / category
    write_images(folder, *[f"train/good/{i:03d}.png" for i in range(20)])
    write_images(folder, *[f"test/{kind}/{i:03d}.png" for kind in ("good", "broken_large") for i in range(2)])
    write_images(folder, "test/contamination/000.png")
    for kind, image in (("broken_large", "000"), ("broken_large", "001"), ("contamination", "000")):
        write_mask(folder, kind, image)
    (folder / "license.txt").write_text("CC BY-NC-SA 4.0")
    return folder


def dataset(root, category="bottle", **params):
    return mvtec_ad.Dataset(mvtec_ad.Params(**params), root, category)


def split(root, category="bottle", **params):
    return dataset(root, category, **params).split()


def ids(samples):
    return [sample.id for sample in samples]


def refused(root, *expected):
    """The split is refused, and the message holds every expected text."""
    with pytest.raises(DataError) as error:
        split(root)
    for text in expected:
        assert str(text) in str(error.value)


# ------------------------------------------------------------------------------------------ split


def test_parts_kinds_and_ids_are_those_of_the_category_folder(tmp_path):
    tree(tmp_path)
    found = split(tmp_path)
    assert sorted(ids((*found.train, *found.val))) == [f"train/good/{i:03d}.png" for i in range(20)]
    assert [(s.id, s.kind, s.label) for s in found.test] == [
        ("test/broken_large/000.png", "broken_large", ANOMALOUS),
        ("test/broken_large/001.png", "broken_large", ANOMALOUS),
        ("test/contamination/000.png", "contamination", ANOMALOUS),
        ("test/good/000.png", "good", NORMAL),
        ("test/good/001.png", "good", NORMAL),
    ]


def test_categories_do_not_mix(tmp_path):
    tree(tmp_path)
    write_images(tree(tmp_path, "cable"), "test/good/002.png")
    assert len(split(tmp_path, "bottle").test) == 5
    assert len(split(tmp_path, "cable").test) == 6


@pytest.mark.parametrize(
    ("share", "held", "rule"),
    [(0.1, 2, TENTH), (0.25, 5, "MVTec AD, a seeded share of 0.25 of the training images held out")],
)
def test_a_share_of_the_training_images_is_held_out_and_named(tmp_path, share, held, rule):
    tree(tmp_path)
    found = split(tmp_path, validation_share=share)
    assert len(found.val) == held
    assert not set(ids(found.train)) & set(ids(found.val))
    assert found.protocol == rule + " of a subset"


def test_split_is_the_same_for_the_same_seed_only(tmp_path):
    tree(tmp_path)
    held = [tuple(ids(split(tmp_path, split_seed=seed).val)) for seed in (0, 0, 1, 2)]
    assert held[0] == held[1]
    assert len(set(held)) > 1


@pytest.mark.parametrize(("grey", "shape", "channels"), [(False, (*SIZE, 3), 3), (True, SIZE, 1)])
def test_images_are_read_in_colour_unless_grey_is_asked_for(tmp_path, grey, shape, channels):
    tree(tmp_path)
    opened = dataset(tmp_path, grey=grey)
    found = pickle.loads(pickle.dumps(opened.split()))  # noqa: S301
    assert opened.channels == channels
    assert found.train[0].read().shape == shape


def test_images_are_not_mirrored_and_kinds_not_averaged(tmp_path):
    opened = dataset(tree(tmp_path).parent)
    assert not opened.mirrored_is_normal
    assert not opened.kinds_are_averaged


def test_every_mask_is_one_region_without_a_saturation_rule(tmp_path):
    folder = tree(tmp_path)
    write_mask(folder, "contamination", "000", level=1)  # whatever is not 0 is defect
    found = split(tmp_path)
    assert [len(s.regions) for s in found.test] == [1, 1, 1, 0, 0]
    (region,) = found.test[2].regions
    assert (region.name, region.saturation) == ("contamination", None)
    assert region.source == folder / "ground_truth/contamination/000_mask.png"
    assert np.argwhere(region.read()).tolist() == [[1, 2], [1, 3], [1, 4], [2, 2], [2, 3], [2, 4], [4, 7]]


def test_the_fingerprint_changes_with_a_mask(tmp_path):
    folder = tree(tmp_path)
    before = manifest_digest(split(tmp_path))
    assert manifest_digest(split(tmp_path)) == before
    write(folder / "ground_truth/contamination/000_mask.png", np.full((60, 80), 255, dtype=np.uint8))
    assert manifest_digest(split(tmp_path)) != before


# -------------------------------------------------------------------------------- published counts


def emptied(root, category, counts):
    """As many images and masks as ``counts`` says, all different, none an image."""
    train, good, bad = counts
    names = [f"train/good/{i:03d}.png" for i in range(train)] + [f"test/good/{i:03d}.png" for i in range(good)]
    for i in range(bad):
        names += [f"test/defect/{i:03d}.png", f"ground_truth/defect/{i:03d}_mask.png"]
    for name in names:
        (root / category / name).parent.mkdir(parents=True, exist_ok=True)
        (root / category / name).write_text(name)


def test_a_whole_category_is_told_from_a_subset(tmp_path):
    emptied(tmp_path / "whole", "toothbrush", (60, 12, 30))
    emptied(tmp_path / "part", "toothbrush", (60, 12, 29))
    whole, part = (split(tmp_path / name, "toothbrush") for name in ("whole", "part"))
    assert (whole.version, whole.protocol) == ("archive", TENTH)
    assert (part.is_subset, part.protocol) == (True, TENTH + " of a subset")
    assert dict(part.found) == {"train/good": 60, "test/good": 12, "test/<kind>": 29}


def test_what_is_held_out_does_not_change_the_counts(tmp_path):
    emptied(tmp_path, "toothbrush", (60, 12, 30))
    assert not split(tmp_path, "toothbrush", validation_share=0.5).is_subset


def test_counts_of_the_categories_add_up_to_the_published_totals():
    assert sorted(mvtec_ad.COUNTS) == list(mvtec_ad.Dataset.categories)
    assert [sum(column) for column in zip(*mvtec_ad.COUNTS.values(), strict=True)] == [3629, 467, 1258]


# ------------------------------------------------------------------------------------------ locate


@pytest.mark.parametrize("below", ["", "mvtec_anomaly_detection", "mvtec_ad", "MVTecAD", "mvtec"])
def test_the_set_is_found_below_the_given_folder(tmp_path, below):
    tree(tmp_path / "data" / below, "zipper")
    assert mvtec_ad.Dataset.locate(tmp_path / "data") == tmp_path / "data" / below


def test_neither_a_category_nor_another_product_is_the_set(tmp_path):
    folder = tree(tmp_path / "a/b")
    assert mvtec_ad.Dataset.locate(folder) is None
    assert mvtec_ad.Dataset.locate(tmp_path) is None
    write_images(tmp_path / "unfinished", "bottle/train/000.png", "bottle/test/good/000.png")
    assert mvtec_ad.Dataset.locate(tmp_path / "unfinished") is None
    tree(tmp_path / "loco", "juice_bottle")
    assert mvtec_ad.Dataset.locate(tmp_path / "loco") is None


# ---------------------------------------------------------------------------------------- refusals


def test_a_missing_category_is_told_with_those_that_are_there(tmp_path):
    tree(tmp_path, "cable")
    tree(tmp_path, "wood")
    refused(tmp_path, f"Expected the folder bottle in {tmp_path}, found cable, wood. Unpack")


@pytest.mark.parametrize("part", ["validation", "val"])
def test_a_validation_folder_is_not_mvtec_ad(tmp_path, part):
    folder = tree(tmp_path)
    write_images(folder, f"{part}/good/000.png")
    refused(tmp_path, f"1 folder(s) of validation images in {folder}:\n  {part}\n", "--dataset folder")


def test_a_kind_without_masks_is_refused(tmp_path):
    folder = tree(tmp_path)
    write_images(folder, "test/broken_small/000.png")
    refused(tmp_path, f"1 kind(s) of anomaly without a folder of masks in {folder / 'ground_truth'}:\n  broken_small\n")


def test_an_image_without_its_mask_is_refused(tmp_path):
    folder = tree(tmp_path)
    write_images(folder, "test/broken_large/002.png")
    image = folder / "test/broken_large/002.png"
    refused(tmp_path, f"have no mask in {folder / 'ground_truth/broken_large'}:\n  {image}\n")


@pytest.mark.parametrize("part", ["train/good", "test/good"])
def test_an_empty_part_is_named(tmp_path, part):
    folder = tree(tmp_path)
    for image in (folder / part).iterdir():
        image.unlink()
    refused(tmp_path, f"Expected images in {folder / part}, found none")


@pytest.mark.parametrize(("part", "expected"), [("train", "train/good"), ("test", "test")])
def test_a_missing_part_is_named(tmp_path, part, expected):
    folder = tree(tmp_path)
    (folder / part).rename(tmp_path / "elsewhere")
    refused(tmp_path, "Expected", folder / expected)


# ------------------------------------------------------------------------------- beside the checkout


@pytest.mark.skipif(not REAL.is_dir(), reason="no hazelnut_toy beside the checkout")
def test_a_real_category_is_read_as_a_subset(tmp_path):
    (tmp_path / "hazelnut").symlink_to(REAL, target_is_directory=True)
    assert mvtec_ad.Dataset.locate(tmp_path) == tmp_path
    found = split(tmp_path, "hazelnut")
    assert dict(found.found) == {"train/good": 28, "test/good": 6, "test/<kind>": 17}
    assert found.is_subset
    assert len(found.val) == 3
    for sample in (s for s in found.test if s.label == ANOMALOUS):
        (region,) = sample.regions
        assert sample.kind == region.name == "colour"
        assert region.read().shape == sample.read().shape[:2] == (512, 512)
        assert 0 < region.read().mean() < 1
