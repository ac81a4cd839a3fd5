"""``bench data check``: every kind of defect of a data set is found, all of them in one go, and nothing else is."""

from __future__ import annotations

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import registry
from bench.contracts import Region, Sample, Split
from bench.data.audit import audit
from bench.data.opening import OpenedDataset, open_dataset
from bench.data.requests import Audited
from bench.data.tables import audit_report
from bench.tables import show

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def noise(seed, shape=(20, 30)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def mask_of(area, shape=(20, 30)):
    mask = np.zeros(shape, dtype=bool)
    mask.ravel()[:area] = True
    return mask


def fail(error):
    raise error


def given(value):
    return value


def sample(name, image=None, label=0, **more):
    """An image of its own content unless one is given."""
    image = noise(list(name.encode())) if image is None else image
    facts = {"kind": "bad" if label else "good", "regions": None if label else (), "digest": name, **more}
    return Sample(id=name, label=label, read=partial(given, image), **facts)


def defect(mask, **rule):
    return Region(partial(given, mask), **rule)


def opened(train=(), val=(), test=(), **about):
    """A data set that is well but for what the test gives it."""
    split = Split(
        (sample("t0"), sample("t1"), *train), (sample("v0"), *val), (sample("n0"), sample("b0", label=1), *test), "p",
        **about,
    )  # fmt: skip
    cls, params = registry.load_dataset("toy")
    return OpenedDataset("made-up", None, cls(params(), None, None), split, "", None)


@pytest.fixture
def findings(silent):
    """Audit a made-up data set; findings by (topic, level)."""

    def audited(**parts):
        found = {}
        for finding in audit(opened(**parts), silent):
            found.setdefault((finding.topic, finding.level), []).append(finding)
        return found

    return audited


def only(found, topic, level):
    (finding,) = found[topic, level]
    return finding


def problems(found):
    return {topic for topic, level in found if level == "problem"}


def test_a_sound_data_set_has_no_problem(findings, silent):
    found = findings()
    assert not problems(found)
    assert [f.text for f in found["count", "ok"]] == [
        "train: 2 images: good 2",
        "val: 1 images: good 1",
        "test: 2 images: bad 1, good 1",
    ]
    assert only(found, "images", "ok").text == "all 5 can be decoded"
    assert only(found, "sizes", "ok").text == "30x20 pixels (width x height)"
    assert "no image stands twice" in only(found, "duplicates", "ok").text
    assert silent.stages == [("images", 5)]
    assert silent.updates[-1] == ("images", 5)


def test_counts_are_held_against_the_published_ones(findings):
    published = {"2018": {"good": 9, "bad": 4}, "2020": {"good": 10, "bad": 4}}
    whole = findings(found={"good": 10, "bad": 4}, published=published)
    assert only(whole, "published", "ok").text == "all images of 2020 are there"
    part = only(findings(found={"good": 9, "bad": 3}, published=published), "published", "note")
    assert "subset" in part.text
    assert part.items == (
        "2018, bad: published 4, found 3",
        "2020, good: published 10, found 9",
        "2020, bad: published 4, found 3",
    )
    assert "no published counts" in only(findings(), "published", "note").text


def test_what_the_data_set_says_of_its_split_is_told(findings):
    told = findings(facts={"masks": 0, "folders_not_read": "masks, raw"})
    assert only(told, "facts", "ok").text == "masks 0, folders_not_read masks, raw"
    assert ("facts", "ok") not in findings()


def test_a_test_part_of_one_label_is_a_problem(silent):
    sound = opened()
    split = Split(sound.split.train, sound.split.val, sound.split.test[:1], "p")
    texts = [f.text for f in audit(OpenedDataset("x", None, sound.dataset, split, "", None), silent)]
    assert "expected anomalous images in test, found none: nothing can be told apart" in texts


def test_every_broken_image_is_told_and_the_others_are_looked_at(findings, tmp_path):
    broken = [
        sample("colour", noise(1, (20, 30, 3))),
        sample("float", noise(1).astype(float)),
        Sample("gone", 0, "good", partial(fail, FileNotFoundError("no such file")), "x", source=tmp_path / "gone.png"),
        Sample("value", 0, "good", partial(fail, ValueError("cannot reshape")), "y"),
        Sample("cut", 0, "good", partial(fail, EOFError("ended early")), "z"),
    ]
    found = findings(train=broken, test=[sample("n1", label=0)])
    finding = only(found, "images", "problem")
    assert finding.text == "5 of 11 cannot be used"
    assert finding.items == (
        "colour: expected uint8 with 1 channel(s), found uint8 (20, 30, 3)",
        "float: expected uint8 with 1 channel(s), found float64 (20, 30, 1)",
        f"{tmp_path / 'gone.png'}: no such file",
        "value: cannot reshape",
        "cut: ended early",
    )
    assert problems(found) == {"images"}


def test_sizes_are_ranges_and_a_number(findings):
    text = only(findings(val=[sample("v1", noise(1, (20, 44))), sample("v2", noise(2, (9, 44)))]), "sizes", "ok").text
    assert text == "30 to 44 pixels wide, 9 to 20 high, 3 distinct sizes"
    text = only(findings(val=[sample("v1", noise(1, (20, 44)))]), "sizes", "ok").text
    assert text == "30 to 44 pixels wide, 20 high, 2 distinct sizes"


def test_regions_and_their_share_of_the_image(findings):
    half, tenth = defect(mask_of(300)), defect(mask_of(60))
    found = findings(
        test=[
            sample("b1", label=1, kind="dent", regions=(half, tenth)),  # they overlap: half of the image in all
            sample("b2", label=1, kind="dent", regions=(tenth,)),
            sample("b3", label=1, kind="hole", regions=(tenth,)),
        ]
    )
    finding = only(found, "masks", "note")  # b0 is not annotated
    assert finding.text == (
        "3 of 4 anomalous images are annotated, with 4 region(s);"
        " defects cover 10 % to 50 % of their image, 10 % in the median"
    )
    assert finding.items == (
        "dent: 2 images, 3 region(s), 30 % in the median",
        "hole: 1 images, 1 region(s), 10 % in the median",
    )


def test_masks_that_cannot_be_used_are_told_one_by_one(findings):
    odd = mask_of(5, (7, 9))
    found = findings(
        test=[
            sample("b1", label=1, regions=(defect(odd),)),
            sample("b2", label=1, regions=(defect(mask_of(5).astype(np.uint8)),)),
            sample("b3", label=1, regions=(Region(partial(fail, OSError("truncated"))),)),
            sample("b4", label=1, regions=(defect(odd, name="dent", source=Path("masks/b4.png")),)),
        ]
    )
    finding = only(found, "masks", "problem")
    assert finding.text == "4 mask(s) cannot be used"
    assert finding.items == (
        "b1, defect: mask is 9x7, its image 30x20 (width x height)",
        "b2, defect: expected a mask of true and false, found uint8",
        "b3: truncated",
        "masks/b4.png: mask is 9x7, its image 30x20 (width x height)",
    )


def test_an_empty_mask_is_a_problem(findings):
    regions = (defect(mask_of(4)), defect(mask_of(0), name="hidden"))
    finding = only(findings(test=[sample("b1", label=1, regions=regions)]), "masks", "problem")
    assert finding.items == ("b1, hidden",)
    assert "1 mask(s) are empty" in finding.text


def test_masks_of_more_than_half_of_the_image_may_be_inverted(findings):
    regions = (defect(mask_of(200)), defect(~mask_of(400)))
    tested = [sample("b1", label=1, regions=regions), sample("b2", label=1, regions=regions[:1])]
    tested += [sample("b3", label=1, regions=(defect(mask_of(300)),))]  # half of it, and no more
    _, large = findings(test=tested)["masks", "note"]
    assert large.text == "1 image(s) are more than half defect: inverted masks?"
    assert large.items == ("b1: 67 %",)


@pytest.mark.parametrize(("images", "told"), [(1, True), (2, True), (3, False)])
def test_a_threshold_of_one_or_two_images_is_remarked_on(findings, images, told):
    found = findings(val=[sample(f"v{i}") for i in range(1, images)])
    assert [f"these {images} image(s)" in f.text for f in found.get(("count", "note"), [])] == [True] * told
    assert not problems(found)


def test_labels_and_annotations_that_contradict_each_other(findings):
    found = findings(
        test=[
            sample("n1", regions=(defect(mask_of(3)),)),
            sample("n2", regions=(defect(mask_of(0)),)),  # an empty mask is what a normal image should have
            sample("b1", label=1, regions=()),
        ]
    )
    assert only(found, "masks", "problem").items == (
        "n1: normal, but its mask shows a defect",
        "b1: bad, but annotated as free of defects",
    )


def test_a_saturation_area_beyond_the_defect_is_mentioned(findings):
    regions = [
        defect(mask_of(10), saturation=11, name="beyond"),
        defect(mask_of(10), saturation=10, name="equal"),
        defect(mask_of(10), saturation=1.0, relative=True, name="share"),
        defect(mask_of(10), name="no rule"),
    ]
    found = findings(test=[sample("b1", label=1, regions=tuple(regions))])
    assert only(found, "saturation", "note").items == ("b1, beyond",)
    assert not problems(found)


def test_duplicates_between_parts_within_parts_and_across_labels(findings):
    one, two, three, four = (noise(seed) for seed in range(4))
    found = findings(
        train=[sample("t2", one), sample("t3", two), sample("t4", two)],
        val=[sample("v1", three)],
        test=[sample("n1", one), sample("b1", three, label=1), sample("n2", four), sample("n3", four)],
    )
    across, contradictory = found["duplicates", "problem"]
    assert across.text == "2 image(s) are both learnt from and tested on"
    assert across.items == ("train t2 (good) = test n1 (good)", "val v1 (good) = test b1 (bad)")
    assert contradictory.text == "1 image(s) are normal here and anomalous there"
    assert contradictory.items == ("val v1 (good) = test b1 (bad)",)
    in_train, in_test = found["duplicates", "note"]
    assert in_train.text == "1 image(s) stand more than once in train"
    assert in_train.items == ("train t3 (good) = train t4 (good)",)
    assert in_test.items == ("test n2 (good) = test n3 (good)",)


def test_copies_in_train_and_in_val_are_told(findings):
    one = noise(1)
    finding = only(findings(train=[sample("t2", one)], val=[sample("v1", one)]), "duplicates", "note")
    assert finding.text.startswith("1 image(s) are in train and in val")
    assert finding.items == ("train t2 (good) = val v1 (good)",)


def test_the_same_pixels_in_another_shape_are_another_image(findings):
    image = noise(1)
    found = findings(train=[sample("t2", image)], test=[sample("n1", image.reshape(30, 20))])
    assert ("duplicates", "ok") in found


def test_leakage_that_the_data_set_states_is_a_note(findings):
    one = noise(1)
    parts = {"train": [sample("t2", one, group="p1")], "test": [sample("n1", one, group="p1")]}
    assert problems(findings(**parts)) == {"duplicates", "groups"}
    known = findings(**parts, known_leakage="as published, patients repeat")
    assert not problems(known)
    assert only(known, "duplicates", "note").items
    assert only(known, "leakage", "note").text == "this split: as published, patients repeat"


def test_stated_leakage_excuses_no_image_that_is_normal_and_anomalous(findings):
    one = noise(1)
    found = findings(test=[sample("n1", one), sample("b1", one, label=1)], known_leakage="patients repeat")
    finding = only(found, "duplicates", "problem")
    assert finding.text == "1 image(s) are normal here and anomalous there"
    assert finding.items == ("test n1 (good) = test b1 (bad)",)


def test_patients_on_both_sides(findings):
    found = findings(
        train=[sample("t2", group="p1"), sample("t3", group="p2")],
        val=[sample("v1", group="p2"), sample("v2", group="p3")],
        test=[sample("n1", group="p3"), sample("n2", group="p4"), sample("n3", group="p1")],
        group_name="patient",
    )
    across = only(found, "groups", "problem")
    assert across.text == "2 patient(s) are both learnt from and tested on"
    assert across.items == ("p1", "p3")
    assert only(found, "groups", "note").items == ("p2",)
    assert "train: 4 images, of 2 patients: good 4" in [f.text for f in found["count", "ok"]]


def test_patients_that_are_kept_apart(findings):
    found = findings(train=[sample("t2", group="p1")], test=[sample("n1", group="p2")], group_name="patient")
    assert only(found, "groups", "ok").text == "no patient is both learnt from and tested on"
    assert "no patients or other groups are known" in only(findings(), "groups", "note").text


def test_pixels_are_let_go_of(silent):
    """600 images of 1 MB each: a few in flight are allowed for, not hundreds."""
    images = [
        Sample(f"t{i:03d}", 0, "good", partial(np.full, (1000, 1000), i % 256, np.uint8), str(i))
        for i in range(200, 800)
    ]
    tracemalloc.start()
    try:
        audit(opened(train=images), silent)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6, f"{peak / 1e6:.0f} MB"


def test_a_long_list_is_cut_in_the_terminal_only(findings, capsys):
    found = findings(train=[sample(f"x{i:02d}", noise(1).astype(float)) for i in range(30)])
    finding = only(found, "images", "problem")
    assert len(finding.items) == 30
    show(audit_report(Audited("made-up", [finding])))
    out = capsys.readouterr().out
    assert out.count("expected uint8") == 20
    assert "… and 10 more" in out
    assert "1 problem(s)" in out


def test_a_folder_of_files_with_everything_wrong_is_told_in_one_go(tmp_path, silent):
    for name in (*(f"train/good/{i}.png" for i in range(8)), "test/good/0.png", "test/dent/0.png", "test/dent/1.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(list(name.encode()), (20, 30, 3))).save(path)
    Image.open(tmp_path / "train/good/7.png").save(tmp_path / "test/dent/1.png", compress_level=1)
    (tmp_path / "test/good/1.png").write_bytes((tmp_path / "test/good/0.png").read_bytes()[:200])
    masks = tmp_path / "ground_truth" / "dent"
    masks.mkdir(parents=True)
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(masks / "0.png")
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(masks / "1.png")
    found = audit(open_dataset("folder", None, {}, tmp_path), silent)
    texts = "\n".join("\n".join((f.text, *f.items)) for f in found if f.level == "problem")
    assert f"{tmp_path / 'test/good/1.png'}: not a readable image" in texts
    assert f"{masks / '1.png'}: mask is 9x9, its image 30x20" in texts
    assert f"{masks / '0.png'}" in texts
    assert "train/good/7.png (good) = test test/dent/1.png (dent)" in texts
    assert "1 image(s) are normal here and anomalous there" in texts


@pytest.mark.skipif(not REAL.is_dir(), reason="no real data beside the checkout")
def test_real_magnetic_tiles(silent):
    found = {(f.topic, f.level): f for f in audit(open_dataset("magnetic-tile", None, {}, REAL), silent)}
    assert found["images", "ok"].text == "all 1344 can be decoded"
    assert "388 of 392 anomalous images are annotated" in found["masks", "note"].text  # four masks are empty
    assert not [f for (_, level), f in found.items() if level == "problem"]
