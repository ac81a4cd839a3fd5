"""Every packing of OCT2017, built from tiny scans; and the patients that its published split repeats."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from bench.plugins.datasets import oct
from bench.plugins.datasets.preprocessing.retina_simulator import simulate
from PIL import Image

import bench.plugins  # noqa: F401
from bench.contracts import ANOMALOUS, NORMAL
from bench.errors import DataError
from bench.records.record import facts_of

REAL = Path(__file__).parents[2].parent / "shared/data/oct2017"


def write(root, *names):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.random.default_rng([number, len(name)]).integers(0, 255, (6, 8), dtype=np.uint8)
        Image.fromarray(grey).save(path)


def collection(root, val=False):
    """20 normal patients with two scans each; patients 3 and 7 come again in the test part."""
    write(root, *[f"train/NORMAL/NORMAL-{patient}-{n}.jpeg" for patient in range(20) for n in (1, 2)])
    write(root, "train/CNV/CNV-900-1.jpeg", "train/DME/DME-901-1.jpeg", "train/DRUSEN/DRUSEN-902-1.jpeg")
    write(root, "test/NORMAL/NORMAL-3-9.jpeg", "test/NORMAL/NORMAL-500-1.jpeg")
    write(root, "test/CNV/CNV-7-1.jpeg", "test/CNV/CNV-7-2.jpeg", "test/DME/DME-501-1.jpeg")
    write(root, "test/DRUSEN/DRUSEN-502-1.jpeg")
    if val:
        write(root, *[f"val/{kind}/{kind}-60{i}-1.jpeg" for i, kind in enumerate(oct.CLASSES)])
    return root


def split(root, **params):
    return oct.Dataset(oct.Params(**params), root, None).split()


@pytest.mark.parametrize("below", ["", "OCT2017", "OCT2017 ", "CellData/OCT", "ZhangLabData/CellData/OCT"])
def test_packings_are_found_below_the_given_folder(tmp_path, below):
    root = collection(tmp_path / "data" / below)
    assert oct.Dataset.locate(tmp_path / "data").resolve() == root.resolve()
    assert oct.Dataset.locate(root) == root


def test_another_layout_is_not_taken_for_ours(tmp_path):
    write(tmp_path, "train/good/000.png", "test/good/000.png")
    assert oct.Dataset.locate(tmp_path) is None


@pytest.mark.parametrize(
    ("below", "val", "packing", "version"),
    [
        ("OCT2017", False, "Mendeley v2", "v2"),
        ("OCT2017 ", True, "Kaggle copy of v2", "v2"),
        ("CellData/OCT", False, "Mendeley v3", "v3"),
    ],
)
def test_the_packing_is_named(tmp_path, below, val, packing, version):
    result = split(collection(tmp_path / below, val))
    assert result.facts["packing"] == packing
    assert result.is_subset
    assert result.version is None
    assert version in result.protocol
    assert "subset" in result.protocol


WHOLE = {"train_normal": 40, "test_normal": 2, "test_anomalous": 4}
"""What ``collection`` writes."""


@pytest.mark.parametrize("params", [{}, {"split": "patient"}])
def test_all_published_scans_are_no_subset(tmp_path, monkeypatch, params):
    monkeypatch.setitem(oct.PUBLISHED, "v2", WHOLE)
    result = split(collection(tmp_path), **params)
    assert (result.version, result.is_subset) == ("v2", False)
    assert result.protocol == f"OCT2017 v2, {params.get('split', 'customary')} split"
    assert facts_of(result)["version"] == "v2"


@pytest.mark.parametrize(
    "missing", ["train/NORMAL/NORMAL-19-2.jpeg", "test/NORMAL/NORMAL-500-1.jpeg", "test/CNV/CNV-7-2.jpeg"]
)
def test_one_scan_less_than_published_is_a_subset(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(oct.PUBLISHED, "v2", WHOLE)
    root = collection(tmp_path)
    (root / missing).unlink()
    result = split(root)
    assert result.is_subset
    assert facts_of(result)["subset"] is True
    assert result.protocol == "OCT2017 v2, customary split of a subset"


def test_kaggles_val_part_belongs_to_the_test(tmp_path):
    result = split(collection(tmp_path, val=True))
    assert len(result.test) == 6 + 4
    assert "not compared" in result.facts["test_part"]
    assert all(sample.id.startswith("train/NORMAL/") for sample in (*result.train, *result.val))


def test_labels_kinds_and_groups(tmp_path):
    samples = {sample.id: sample for sample in split(collection(tmp_path)).test}
    ill, healthy = samples["test/CNV/CNV-7-1.jpeg"], samples["test/NORMAL/NORMAL-500-1.jpeg"]
    assert (ill.label, ill.kind, ill.group, ill.regions) == (ANOMALOUS, "CNV", "7", None)
    assert (healthy.label, healthy.kind, healthy.group, healthy.regions) == (NORMAL, "NORMAL", "500", ())


def test_appledouble_files_are_skipped(tmp_path):
    root = collection(tmp_path)
    (root / "train/NORMAL/._NORMAL-1-1.jpeg").write_bytes(b"\x00\x05\x16\x07")
    (root / "test/CNV/._CNV-7-1.jpeg").write_bytes(b"\x00\x05\x16\x07")
    ids = [sample.id for part in split(root).parts().values() for sample in part]
    assert len(ids) == 46
    assert not any("._" in name for name in ids)


def test_validation_holds_whole_patients_and_a_tenth(tmp_path):
    result = split(collection(tmp_path))
    assert (len(result.train), len(result.val)) == (36, 4)
    assert {s.group for s in result.train}.isdisjoint({s.group for s in result.val})


def test_validation_is_the_same_each_time_and_has_two_scans(tmp_path):
    root = collection(tmp_path)
    assert [s.id for s in split(root).val] == [s.id for s in split(root).val]
    assert len(split(root, validation_share=0.001).val) == 2


def test_scans_without_patient_stand_alone(tmp_path):
    write(tmp_path, *[f"train/NORMAL/renamed-{i}.png" for i in range(30)], "test/CNV/CNV-1-1.jpeg")
    result = split(tmp_path)
    assert all(sample.group is None for sample in result.train)
    assert (len(result.train), len(result.val)) == (27, 3)
    assert result.facts["train_scans_without_patient"] == 30


LEAKAGE = {
    "train_patients": 20,
    "test_patients": 5,
    "shared_patients": 2,
    "train_scans_of_shared_patients": 4,
    "test_scans_of_shared_patients": 3,
}


def test_the_customary_split_states_its_leakage(tmp_path):
    result = split(collection(tmp_path))
    assert result.facts["train_dropped"] == 0
    assert LEAKAGE.items() <= dict(result.facts).items()
    assert "2 of 5" in result.known_leakage
    assert {"3", "7"} <= {sample.group for sample in (*result.train, *result.val)}


def test_the_patient_split_drops_patients_of_the_test_part(tmp_path):
    result = split(collection(tmp_path), split="patient")
    assert result.facts["train_dropped"] == 4
    assert LEAKAGE.items() <= dict(result.facts).items()
    assert result.known_leakage is None
    learnt = {sample.group for sample in (*result.train, *result.val)}
    assert learnt.isdisjoint({sample.group for sample in result.test})
    assert len(learnt) == 18


def test_a_missing_test_folder_is_named(tmp_path):
    root = tmp_path / "scans"
    write(root, "train/NORMAL/NORMAL-1-1.jpeg", "Test/CNV/CNV-2-1.jpeg")
    with pytest.raises(DataError, match=r"Expected folders 'train' and 'test'.*found Test, train"):
        split(root)


def test_an_unknown_class_is_named(tmp_path):
    root = collection(tmp_path)
    write(root, "test/GLAUCOMA/GLAUCOMA-1-1.jpeg")
    with pytest.raises(DataError, match="GLAUCOMA"):
        split(root)


def test_split_does_not_decode(tmp_path):
    root = collection(tmp_path)
    (root / "train/NORMAL/NORMAL-1-1.jpeg").write_bytes(b"no image at all")
    broken = [s for part in split(root).parts().values() for s in part if s.id == "train/NORMAL/NORMAL-1-1.jpeg"]
    with pytest.raises(DataError, match="not a readable image"):
        broken[0].read()


@pytest.mark.parametrize("columns", [512, 768, 1536])
def test_wide_scans_are_brought_to_one_size(tmp_path, columns):
    scan = Image.fromarray(simulate(1, 2, 0).scan).resize((columns, 496))
    scan.save(tmp_path / "scan.png")
    assert oct.read_scan(tmp_path / "scan.png", flatten=True).shape == (192, 512)
    assert np.array_equal(oct.read_scan(tmp_path / "scan.png", flatten=False), np.asarray(scan))


def test_flattened_scan_has_the_epithelium_where_it_should_be(tmp_path):
    Image.fromarray(simulate(1, 2, 0).scan).resize((1536, 496)).save(tmp_path / "scan.png")
    flat = oct.read_scan(tmp_path / "scan.png", flatten=True)
    bottom = oct.HEIGHT - oct.BELOW - 1
    assert bottom - 20 < flat.mean(axis=1).argmax() <= bottom


def test_real_subset_reads_and_pickles():
    if not REAL.is_dir():
        pytest.skip(f"the small real data set is not at {REAL}")
    result = split(oct.Dataset.locate(REAL))
    assert (len(result.train) + len(result.val), len(result.test)) == (24, 34)
    assert result.facts["train_scans_without_patient"] == 18
    assert result.is_subset
    assert result.protocol == "OCT2017 v2, customary split of a subset"
    for sample in (result.train[0], result.test[0], result.test[20]):
        assert pickle.loads(pickle.dumps(sample)).read().shape == (192, 512)  # noqa: S301
