"""What every data set must keep: embedded ones always, others on the real data beside the checkout when it is there."""

from __future__ import annotations

import pickle
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from bench import registry
from bench.data.opening import open_dataset
from bench.errors import DataError

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DATASETS = [name for name, e in registry.entries("dataset").items() if not e.problem]
GOLDEN = REAL.parent / "golden"
ELSEWHERE = {
    "folder": REAL / "hazelnut_toy",
    "lag": REAL / "fundus_lag_layout",
    "mvtec-loco": GOLDEN / "mvtec_loco_a" / "data",
}
NOT_HERE = {"hyper-kvasir", "mvtec-ad", "oct-bmad", "resc"}
"""Too large or not handed out: only the trees that their own tests generate."""
MANY = 24  # samples looked at from each part


@pytest.fixture(params=DATASETS)
def opened(request):
    if request.param in NOT_HERE:
        pytest.skip(f"no real data of {request.param} to test on; see tests/datasets")
    entry = registry.find("dataset", request.param)
    category = entry.categories[0] if entry.categories else None
    try:
        return open_dataset(request.param, category, {}, ELSEWHERE.get(request.param, REAL))
    except DataError as error:
        if REAL.is_dir():
            raise
        pytest.skip(f"no real data beside the checkout: {str(error).splitlines()[0]}")


def some(opened):
    return chain.from_iterable(part[:: max(1, len(part) // MANY)] for part in opened.split.parts().values())


def test_samples_are_what_the_contract_says(opened):
    split, channels = opened.split, opened.dataset.channels
    everyone = list(chain.from_iterable(split.parts().values()))
    assert len({sample.id for sample in everyone}) == len(everyone)
    assert {sample.label for sample in split.test} == {0, 1}
    for sample in some(opened):
        image = sample.read()
        assert image.dtype == np.uint8
        assert image.shape[2:] == (() if channels == 1 else (3,))
        for region in sample.regions or ():
            mask = region.read()
            assert mask.dtype == bool
            assert mask.shape == image.shape[:2]


def test_reading_survives_pickling_and_repeats(opened):
    for sample in some(opened):
        again = pickle.loads(pickle.dumps(sample))  # noqa: S301 - our own bytes
        assert np.array_equal(again.read(), sample.read())


def test_the_split_and_its_fingerprint_repeat(opened):
    again = open_dataset(opened.name, opened.category, {}, ELSEWHERE.get(opened.name, REAL))
    assert again.fingerprint == opened.fingerprint
    assert [s.id for s in again.split.test] == [s.id for s in opened.split.test]


def test_it_says_what_it_is(opened):
    cls = type(opened.dataset)
    assert "\n" not in cls.summary
    assert opened.split.protocol
    assert cls.needs or opened.root is None
