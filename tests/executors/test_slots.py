"""Where runs are on this machine: cores divided, one GPU each."""

from __future__ import annotations

import pytest

from bench.executors import slots


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(slots, "usable_cores", lambda: 8)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("workers", "threads"), [(2, "4"), (3, "2"), (8, "1"), (20, "1")])
def test_cores_are_divided(eight_cores, workers, threads):
    found = slots.slots("cpu", workers)
    assert len(found) == workers
    assert {slot.environment["OMP_NUM_THREADS"] for slot in found} == {threads}
    assert {slot.device for slot in found} == {"cpu"}


def test_one_run_alone_keeps_the_libraries_own_choice(eight_cores):
    (slot,) = slots.slots("cpu", None)
    assert slot.environment == {}


def test_fewer_threads_that_were_asked_for_stay(eight_cores, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    environments = [slot.environment for slot in slots.slots("cpu", 2)]
    assert {(e["OMP_NUM_THREADS"], e["MKL_NUM_THREADS"]) for e in environments} == {("1", "4")}


def test_each_slot_sees_one_gpu(eight_cores):
    seen = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots.gpu_slots(["3", "GPU-8a"], 2)]
    assert seen == ["3", "GPU-8a"]
    shared = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots.gpu_slots(["0", "1"], 5)]
    assert shared == ["0", "1", "0", "1", "0"]
    assert {slot.device for slot in slots.gpu_slots(["0"], 1)} == {"cuda"}


@pytest.mark.parametrize(
    ("variable", "count", "expected"),
    [("", 2, ["0", "1"]), ("2,5", 2, ["2", "5"]), ("GPU-1, GPU-2,", 2, ["GPU-1", "GPU-2"])],
)
def test_gpus_keep_the_names_they_were_given(monkeypatch, variable, count, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    assert slots.visible_gpus() == expected
