"""The user's own images: every accepted layout, every refusal, and a real tree where it stands beside the checkout."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets import folder
from PIL import Image
from pydantic import ValidationError

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL
from bench.errors import ConfigError, DataError
from bench.registry import make_params

REAL = Path(__file__).parents[2].parent / "shared/data/hazelnut_toy"


def write(root, *names, colour=True):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (6, 8, 3) if colour else (6, 8)
        pixels = np.random.default_rng(list(name.encode())).integers(0, 255, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(path)


def write_mask(root, name, column, level=255):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[:, column] = level
    Image.fromarray(mask).save(path)


def tree(root):
    """20 images to learn from; 2 normal, 2 scratched and 1 stained to test on; no masks."""
    write(root, *[f"train/good/{i:03d}.png" for i in range(20)], "test/good/000.png", "test/good/001.png")
    write(root, "test/scratch/000.png", "test/scratch/001.png", "test/stain/000.png")
    return root


def split(root, **params):
    return folder.Dataset(folder.Params(**params), root, None).split()


def ids(samples):
    return [sample.id for sample in samples]


def sample_of(found, name):
    return next(s for s in found.test if s.id == name)


def test_copies_of_a_file_are_held_out_together(tmp_path):
    tree(tmp_path)
    for i in range(20):
        (tmp_path / f"train/good/copy-{i:03d}.png").write_bytes((tmp_path / f"train/good/{i:03d}.png").read_bytes())
    found = split(tmp_path, validation_share=0.25)
    assert (len(found.train), len(found.val)) == (30, 10)
    assert not {s.digest for s in found.train} & {s.digest for s in found.val}


def test_one_image_cannot_be_learnt_from_and_held_out(tmp_path):
    write(tree(tmp_path / "one"), "train/good/same.png")
    for path in (tmp_path / "one/train/good").glob("0*.png"):
        path.write_bytes((tmp_path / "one/train/good/same.png").read_bytes())
    with pytest.raises(DataError, match=r"Expected two different images .*found one"):
        split(tmp_path / "one")
    write(tmp_path / "one", "train/good/other.png")
    assert len(split(tmp_path / "one", validation_share=0.9).train) in (1, 21)


def test_train_and_test_make_a_tree(tmp_path):
    assert folder.Dataset.locate(tree(tmp_path)) == tmp_path
    assert folder.Dataset.locate(tmp_path / "train") is None


def test_kinds_and_labels_are_the_folders_of_test(tmp_path):
    found = split(tree(tmp_path))
    assert [(s.id, s.kind, s.label) for s in found.test] == [
        ("test/good/000.png", "good", NORMAL),
        ("test/good/001.png", "good", NORMAL),
        ("test/scratch/000.png", "scratch", ANOMALOUS),
        ("test/scratch/001.png", "scratch", ANOMALOUS),
        ("test/stain/000.png", "stain", ANOMALOUS),
    ]


def test_two_trees_are_two_protocols(tmp_path):
    assert split(tree(tmp_path / "nuts")).protocol != split(tree(tmp_path / "bolts")).protocol


def test_without_a_validation_folder_a_share_of_train_is_held_out(tmp_path):
    found = split(tree(tmp_path), validation_share=0.25)
    assert len(found.val) == 5
    assert sorted(ids((*found.train, *found.val))) == [f"train/good/{i:03d}.png" for i in range(20)]


def test_split_is_the_same_for_the_same_seed_only(tmp_path):
    tree(tmp_path)
    held = [tuple(ids(split(tmp_path, split_seed=seed).val)) for seed in (0, 0, 1, 2)]
    assert held[0] == held[1]
    assert len(set(held)) > 1


@pytest.mark.parametrize("name", ["validation", "val"])
def test_a_validation_folder_is_taken_as_it_is(tmp_path, name):
    write(tree(tmp_path), f"{name}/good/7.png")
    found = split(tmp_path)
    assert ids(found.val) == [f"{name}/good/7.png"]
    assert len(found.train) == 20


def test_hidden_files_and_folders_are_left_out(tmp_path):
    write(tree(tmp_path), "train/good/._000.png", "train/.cache/x.png", "test/.cache/x.png")
    found = split(tmp_path)
    assert len(found.train) + len(found.val) == 20
    assert len(found.test) == 5


@pytest.mark.parametrize(("grey", "shape", "channels"), [(False, (6, 8, 3), 3), (True, (6, 8), 1)])
@pytest.mark.parametrize("colour", [True, False])
def test_grey_and_colour_files_are_read_as_asked(tmp_path, grey, shape, channels, colour):
    write(tree(tmp_path), "test/good/002.png", colour=colour)
    dataset = folder.Dataset(folder.Params(grey=grey), tmp_path, None)
    sample = sample_of(pickle.loads(pickle.dumps(dataset.split())), "test/good/002.png")  # noqa: S301
    assert sample.read().shape == shape
    assert dataset.channels == channels


def test_mirroring_is_the_users_word(tmp_path):
    assert not folder.Dataset(folder.Params(), tmp_path, None).mirrored_is_normal
    assert folder.Dataset(folder.Params(mirror=True), tmp_path, None).mirrored_is_normal


# ------------------------------------------------------------------------------------------ masks


def test_without_masks_anomalies_are_not_annotated_and_normals_have_none(tmp_path):
    found = split(tree(tmp_path))
    assert [s.regions for s in found.test] == [(), (), None, None, None]


@pytest.mark.parametrize("pattern", ["{}_mask.png", "{}.png", "{}_mask.bmp", "{}_mask.tif", "{}.tif", "{}_mask.PNG"])
def test_one_mask_beside_the_other_is_one_region(tmp_path, pattern):
    tree(tmp_path)
    for column, stem in enumerate(("000", "001")):
        write_mask(tmp_path, "ground_truth/scratch/" + pattern.format(stem), column)
    found = pickle.loads(pickle.dumps(split(tmp_path)))  # noqa: S301
    for column, stem in enumerate(("000", "001")):
        (region,) = sample_of(found, f"test/scratch/{stem}.png").regions
        assert region.name == "scratch"
        assert region.read().any(axis=0).nonzero()[0].tolist() == [column]
    assert sample_of(found, "test/stain/000.png").regions is None
    assert found.facts["masks"] == 2


def test_a_folder_of_masks_is_one_region_each(tmp_path):
    tree(tmp_path)
    for column in range(3):
        write_mask(tmp_path, f"ground_truth/stain/000/{column:03d}.png", column)
    regions = sample_of(split(tmp_path), "test/stain/000.png").regions
    assert [region.read().any(axis=0).nonzero()[0].tolist() for region in regions] == [[0], [1], [2]]


@pytest.mark.parametrize(("threshold", "found"), [(0, True), (99, True), (100, False)])
def test_mask_threshold_decides_what_is_defect(tmp_path, threshold, found):
    write_mask(tree(tmp_path), "ground_truth/stain/000.png", 4, level=100)
    (region,) = sample_of(split(tmp_path, mask_threshold=threshold), "test/stain/000.png").regions
    assert region.read().any() == found


def test_the_digest_covers_the_masks(tmp_path):
    write_mask(tree(tmp_path), "ground_truth/stain/000.png", 4)
    before = sample_of(split(tmp_path), "test/stain/000.png").digest
    write_mask(tmp_path, "ground_truth/stain/000.png", 5, level=80)
    assert sample_of(split(tmp_path), "test/stain/000.png").digest != before


# ----------------------------------------------------------------------------------------- groups


def patients(root):
    """Ten patients with two images each to learn from; patient 3 comes again in the test part."""
    write(root, *[f"train/good/p{p}_{n}.png" for p in range(10) for n in (1, 2)])
    write(root, "test/good/p20_1.png", "test/ill/p3_3.png")
    return root


def test_groups_come_from_file_names_and_are_held_out_whole(tmp_path):
    found = split(patients(tmp_path), group_pattern=r"p(\d+)_", validation_share=0.3)
    assert [s.group for s in found.test] == ["20", "3"]
    assert len(found.val) == 6
    assert not {s.group for s in found.train} & {s.group for s in found.val}
    assert found.group_name == "group"


def test_without_a_pattern_there_are_no_groups(tmp_path):
    found = split(patients(tmp_path))
    assert {s.group for part in found.parts().values() for s in part} == {None}
    assert found.group_name is None


def test_a_pattern_that_misses_a_file_is_refused(tmp_path):
    write(patients(tmp_path), "train/good/unknown.png")
    with pytest.raises(DataError, match=r"group_pattern 'p\(.*found none in .*unknown.png.*--set group_pattern"):
        split(tmp_path, group_pattern=r"p(\d+)_")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("p(", "not a regular expression: missing )"),
        (r"p\d+", "expected one group in parentheses, found 0"),
        (r"(p)(\d+)", "expected one group in parentheses, found 2"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        folder.Params(group_pattern=pattern)
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_params("folder", folder.Params, {"group_pattern": pattern})


# --------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("part", ["train", "validation", "val"])
def test_anomalies_among_the_images_to_learn_from_are_refused(tmp_path, part):
    write(tree(tmp_path), f"{part}/good/999.png", f"{part}/broken/000.png")
    with pytest.raises(DataError, match=rf"only the folder 'good' in .*{part}, found also broken.*move .* to test/"):
        split(tmp_path)


@pytest.mark.parametrize("part", ["train", "validation", "val"])
def test_normal_images_under_another_name_are_not_called_anomalous(tmp_path, part):
    write(tree(tmp_path), f"{part}/good/999.png")
    (tmp_path / part / "good").rename(tmp_path / part / "ok")
    with pytest.raises(DataError, match=rf"Expected a folder called 'good' .*{part}, found ok\. Rename the folder"):
        split(tmp_path)


@pytest.mark.parametrize(
    ("removed", "found"), [(("scratch", "stain"), "found good"), (("good",), "found scratch, stain")]
)
def test_normal_and_anomalous_test_images_are_both_needed(tmp_path, removed, found):
    tree(tmp_path)
    for kind in removed:
        (tmp_path / "test" / kind).rename(tmp_path / f"aside_{kind}")
    with pytest.raises(DataError, match=rf"Expected 'good' and at least one kind of anomaly in .*test, {found}\."):
        split(tmp_path)


def test_an_empty_test_part_is_refused(tmp_path):
    write(tmp_path, "train/good/0.png", "train/good/1.png")
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="found nothing"):
        split(tmp_path)


@pytest.mark.parametrize("place", ["train/good", "test/good", "test/stain", "val/good"])
def test_an_empty_folder_is_named(tmp_path, place):
    tree(tmp_path)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for path in (tmp_path / place).iterdir():
        path.unlink()
    with pytest.raises(DataError, match=rf"Expected images in .*{place}, found none"):
        split(tmp_path)


def test_images_without_a_mask_are_listed_when_others_of_their_kind_have_one(tmp_path):
    write(tree(tmp_path), "test/scratch/002.png")
    write_mask(tmp_path, "ground_truth/scratch/001_mask.png", 1)
    with pytest.raises(DataError, match=r"2 image\(s\) have no mask in .*scratch:\n.*000\.png\n.*002\.png\n"):
        split(tmp_path)


@pytest.mark.parametrize("name", ["009_mask.png", "009.png", "009/000.png"])
def test_masks_without_an_image_are_listed(tmp_path, name):
    write_mask(tree(tmp_path), "ground_truth/stain/000.png", 1)
    write_mask(tmp_path, f"ground_truth/stain/{name}", 1)
    with pytest.raises(DataError, match=rf"1 mask\(s\) in .*stain have no image in .*\n.*{name}"):
        split(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "train/good/part1/000.png",
        "train/good/a/b/0.webp",
        "test/scratch/more/000.png",
        "test/good/x/000.png",
        "val/good/x/0.png",
    ],
)
def test_images_in_folders_inside_a_kind_are_listed(tmp_path, name):
    write(tree(tmp_path), "val/good/000.png", name)
    with pytest.raises(DataError, match=rf"1 image\(s\) in folders inside .* left out:\n.*{name}\nMove them into"):
        split(tmp_path)


def test_a_kind_of_folders_alone_is_told_so(tmp_path):
    write(tmp_path, "train/good/p1/0.png", "train/good/p2/0.png", "test/good/0.png", "test/stain/0.png")
    with pytest.raises(DataError, match=r"2 image\(s\) in folders inside .*train/good would be left out"):
        split(tmp_path)


@pytest.mark.parametrize("name", ["train/1.png", "validation/1.png", "val/1.tif", "test/1.png", "ground_truth/1.png"])
def test_images_beside_the_folders_of_kinds_are_listed(tmp_path, name):
    write(tree(tmp_path), name)
    with pytest.raises(DataError, match=rf"1 image\(s\) lie in .* itself and would be left out:\n.*{name}\nMove them"):
        split(tmp_path)


@pytest.mark.parametrize(
    "folder", ["train/good", "test/good", "test/stain", "ground_truth/stain", "ground_truth/stain/000"]
)
@pytest.mark.parametrize("suffix", ["webp", "gif", "WEBP"])
def test_formats_that_are_not_read_are_listed(tmp_path, folder, suffix):
    write_mask(tree(tmp_path), "ground_truth/stain/000.png", 1)
    write(tmp_path, f"{folder}/x1.{suffix}", f"{folder}/x2.{suffix}")
    with pytest.raises(
        DataError, match=rf"2 image\(s\) in .*{folder} are of a format .*\n.*x1\.{suffix}\n.*\nSave them as"
    ):
        split(tmp_path)


def test_what_is_no_image_stops_nobody(tmp_path):
    tree(tmp_path)
    for part in ("train", "train/good", "test", "test/good", "test/stain"):
        for name in ("Thumbs.db", "notes.txt", "list.csv", ".DS_Store", "notes/readme.txt"):
            path = tmp_path / part / name
            if part in ("train", "test") and "/" in name:
                continue  # a folder there would be a kind
            path.parent.mkdir(exist_ok=True)
            path.write_text("no image")
    assert len(split(tmp_path).test) == 5


def test_two_folders_to_validate_on_are_refused(tmp_path):
    write(tree(tmp_path), "validation/good/1.png", "val/good/2.png")
    with pytest.raises(DataError, match=r"Expected one folder .*found validation and val\. Move"):
        split(tmp_path)


def test_images_that_would_share_a_mask_are_listed(tmp_path):
    write(tree(tmp_path), "test/stain/000.bmp", "test/stain/001.png")
    write_mask(tmp_path, "ground_truth/stain/001_mask.png", 1)
    write_mask(tmp_path, "ground_truth/stain/000_mask.png", 1)
    with pytest.raises(DataError, match=r"2 image\(s\) share their name .*\n.*000\.bmp\n.*000\.png\nRename one"):
        split(tmp_path)


def test_images_of_one_name_need_no_other_where_there_are_no_masks(tmp_path):
    write(tree(tmp_path), "test/stain/000.bmp", "train/good/000.bmp", "test/good/000.bmp")
    assert len(split(tmp_path).test) == 7


@pytest.mark.parametrize("name", ["train/good/x.png", "test/stain/x.png", "ground_truth/stain/000_mask.png"])
def test_a_link_to_nothing_is_named(tmp_path, name):
    tree(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=rf"1 image\(s\) in .* links to what is not there:\n.*{name}"):
        split(tmp_path)


@pytest.mark.parametrize("name", ["groundtruth", "Ground_Truth", "ground-truths", "ground_thruth", "GroundTruthMasks"])
def test_a_misspelt_folder_of_masks_is_refused(tmp_path, name):
    write_mask(tree(tmp_path), f"{name}/stain/000_mask.png", 1)
    with pytest.raises(DataError, match=rf"Expected masks in .*ground_truth, found {name} instead.*Rename it"):
        split(tmp_path)
    write_mask(tmp_path, "ground_truth/stain/000_mask.png", 1)
    assert split(tmp_path).facts == {"masks": 1}


def test_other_folders_are_named_where_no_masks_were_found(tmp_path):
    write_mask(tree(tmp_path), "masks/stain/000_mask.png", 1)
    write(tmp_path, "raw/1.png", ".cache/1.png")
    assert split(tmp_path).facts == {"masks": 0, "folders_not_read": "masks, raw"}
    write_mask(tmp_path, "ground_truth/stain/000_mask.png", 1)
    assert split(tmp_path).facts == {"masks": 1}


def test_masks_under_other_names_are_told_what_they_should_be_called(tmp_path):
    write_mask(tree(tmp_path), "ground_truth/stain/000_gt.png", 1)
    with pytest.raises(
        DataError, match=r"1 mask\(s\) .*\n.*000_gt\.png\nGive each image its mask, such as 7_mask\.png for"
    ):
        split(tmp_path)


@pytest.mark.parametrize("other", ["000.png", "000_mask.bmp"])
def test_an_image_has_one_mask_or_a_folder_of_them(tmp_path, other):
    write_mask(tree(tmp_path), "ground_truth/stain/000_mask.png", 1)
    write_mask(tmp_path, f"ground_truth/stain/{other}", 1)
    with pytest.raises(DataError, match=r"2 mask\(s\) in .* are not the only ones of their image:\n"):
        split(tmp_path)


def test_masks_of_an_unknown_kind_are_refused(tmp_path):
    write_mask(tree(tmp_path), "ground_truth/stian/000.png", 1)
    with pytest.raises(DataError, match=r"found stian only in the first.*rename one of the two"):
        split(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data/hazelnut_toy beside the checkout")
def test_a_real_tree_in_mvtec_layout():
    found = split(folder.Dataset.locate(REAL))
    assert (len(found.train), len(found.val)) == (25, 3)
    assert [s.kind for s in found.test] == ["colour"] * 17 + ["good"] * 6
    assert found.facts["masks"] == 17
    sample = found.test[0]
    assert sample.read().shape == (512, 512, 3)
    share = sample.regions[0].read().mean()
    assert 0 < share < 0.5
