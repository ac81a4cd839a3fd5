"""The simulated retinas: deterministic, annotated to the pixel, and not to be solved by brightness."""

import pickle
from itertools import combinations

import numpy as np
import pytest
from bench.plugins.datasets import oct_phantom
from bench.plugins.datasets.preprocessing.retina_simulator import LESIONS, simulate
from sklearn.metrics import roc_auc_score

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL

SMALL = {"train_scans": 10, "val_scans": 5, "test_normal": 16, "test_anomalous": 16}


def split(**changes):
    return oct_phantom.Dataset(oct_phantom.Params(**(SMALL | changes)), None, None).split()


def test_parts_have_the_sizes_asked_for():
    assert {part: len(samples) for part, samples in split().parts().items()} == {"train": 10, "val": 5, "test": 32}
    assert sum(sample.label for sample in split(test_normal=9, test_anomalous=3).test) == 3


def test_no_patient_is_in_two_parts():
    groups = [{sample.group for sample in part} for part in split().parts().values()]
    assert all(a.isdisjoint(b) for a, b in combinations(groups, 2))


def test_a_test_patient_has_scans_of_both_labels():
    test = split().test
    for group in {sample.group for sample in test}:
        assert {sample.label for sample in test if sample.group == group} == {NORMAL, ANOMALOUS}


def test_the_place_of_a_scan_in_its_eye_says_nothing_about_the_label():
    """It sets the distance from the fovea, and so the anatomy: pits are shallower from scan to scan."""
    test = split(test_normal=120, test_anomalous=120).test
    place, label = ([int(s.id[-1]) for s in test], [s.label for s in test])
    assert roc_auc_score(label, place) == 0.5
    for kind in LESIONS:
        own = {s.group for s in test if s.kind == kind}
        chosen = [i for i, sample in enumerate(test) if sample.group in own]
        assert roc_auc_score([label[i] for i in chosen], [place[i] for i in chosen]) == pytest.approx(0.5, abs=0.02)


def test_every_kind_of_lesion_is_tested_and_annotated():
    test = split().test
    assert {sample.kind for sample in test} == {"good", *LESIONS}
    for sample in test:
        assert bool(sample.regions) == (sample.label == ANOMALOUS)


@pytest.mark.parametrize("flatten", [True, False])
def test_masks_have_the_shape_of_the_scan_and_are_not_empty(flatten):
    for sample in split(flatten=flatten).test:
        shape = sample.read().shape
        assert shape == ((96, 256) if flatten else (256, 256))
        for region in sample.regions:
            mask = region.read()
            assert mask.shape == shape
            assert mask.dtype == bool
            assert 4 <= mask.sum() < 0.1 * mask.size


def test_reading_is_picklable_and_repeats():
    sample = split().test[1]
    again = pickle.loads(pickle.dumps(sample))  # noqa: S301
    oct_phantom._simulated.cache_clear()
    first, mask = sample.read(), sample.regions[0].read()
    oct_phantom._simulated.cache_clear()
    assert np.array_equal(first, again.read())
    assert np.array_equal(mask, again.regions[0].read())


def test_ids_and_digests_are_unique_and_depend_on_the_seed():
    samples = [sample for part in split().parts().values() for sample in part]
    others = [sample for part in split(seed=1).parts().values() for sample in part]
    assert len({sample.id for sample in samples}) == len(samples)
    assert len({sample.digest for sample in samples + others}) == 2 * len(samples)
    assert not np.array_equal(samples[0].read(), others[0].read())
    assert [s.digest for s in split().test] == [s.digest for s in split().test]


def test_scans_of_one_eye_share_their_anatomy():
    """Neighbouring scans resemble each other in depth and tilt more than scans of different eyes."""
    bottoms = np.array([[simulate(3, eye, scan).bottom for scan in range(3)] for eye in range(12)])
    within = np.abs(bottoms[:, 0] - bottoms[:, 1]).mean()
    between = np.abs(bottoms[:-1, 0] - bottoms[1:, 0]).mean()
    assert within < 0.4 * between


@pytest.mark.parametrize("kind", LESIONS)
def test_lesions_lie_inside_the_retina(kind):
    rows = np.arange(256)[:, None]
    for eye in range(12):
        simulated = simulate(5, eye, 0, kind)
        inside = (rows >= np.floor(simulated.top)) & (rows <= np.ceil(simulated.bottom))
        assert simulated.lesions
        for name, mask in simulated.lesions:
            assert name == kind
            assert inside[mask].all()


@pytest.mark.parametrize("kind", LESIONS)
def test_a_lesion_changes_the_scan_in_its_columns_only(kind):
    """The same scan with and without the lesion: grain, gain and background are identical."""
    for eye in range(6):
        healthy, ill = simulate(6, eye, 0), simulate(6, eye, 0, kind)
        far_below = np.arange(256)[:, None] > healthy.bottom + 25
        assert np.array_equal(healthy.bottom, ill.bottom)
        changed = healthy.scan[far_below].astype(int) - ill.scan[far_below]
        assert np.abs(changed).max() <= 12
        marked = np.any([mask for _, mask in ill.lesions], axis=0)
        assert np.abs(healthy.scan[marked].astype(int) - ill.scan[marked]).mean() > 10


@pytest.mark.parametrize(("kind", "darker"), [("cysts", True), ("fluid", True), ("foci", False)])
def test_fluid_is_dark_and_foci_are_bright(kind, darker):
    differences = []
    for eye in range(10):
        healthy, ill = simulate(8, eye, 1), simulate(8, eye, 1, kind)
        marked = np.any([mask for _, mask in ill.lesions], axis=0)
        differences.append(ill.scan[marked].mean() - healthy.scan[marked].mean())
    assert all(difference < -8 if darker else difference > 20 for difference in differences)


def test_a_druse_lifts_the_epithelium_off_its_straight_base():
    simulated = simulate(9, 1, 0, "drusen")
    for _, mask in simulated.lesions:
        columns = np.flatnonzero(mask.any(axis=0))
        lowest = 255 - mask[::-1].argmax(axis=0)[columns]
        assert (np.abs(lowest - simulated.bottom[columns]) <= 1.5).all()


@pytest.mark.parametrize("flatten", [True, False])
def test_global_statistics_do_not_give_the_answer_away(flatten):
    test = split(test_normal=90, test_anomalous=90, flatten=flatten).test
    scans = [sample.read().astype(float) for sample in test]
    labels = [sample.label for sample in test]
    features = {
        "mean": [scan.mean() for scan in scans],
        "deviation": [scan.std() for scan in scans],
        "gradient energy": [np.hypot(*np.gradient(scan)).mean() for scan in scans],
    }
    for name, values in features.items():
        auroc = roc_auc_score(labels, values)
        assert 0.35 < auroc < 0.65, name


def test_grey_levels_are_those_of_a_display():
    """Median levels of normal scans of OCT2017 at half size: 2 to 43 in the vitreous, 1 % above 180."""
    scans = np.array([simulate(10, eye, 0).scan for eye in range(12)])
    assert 15 < np.median(scans) < 35
    assert 140 < np.percentile(scans, 99) < 210
    assert (scans == 255).mean() < 1e-3
