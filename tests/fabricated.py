"""Records of runs that nobody made: scores are given, everything else is computed and stored as a worker does it."""

from __future__ import annotations

import numpy as np

from bench.contracts import ANOMALOUS, NORMAL, Sample, Split
from bench.judging.evaluation import evaluate
from bench.records import artifacts
from bench.records.record import SCORE, Counts, Record
from bench.spec import RunSpec


def samples(part, kinds, each=20, groups=True):
    """``each`` images of every kind in turn; four neighbours of a kind are a patient's."""
    return tuple(
        Sample(
            id=f"{part}/{kind}/{i:03d}",
            label=NORMAL if kind == "good" else ANOMALOUS,
            kind=kind,
            read=lambda: np.zeros((8, 8), np.uint8),
            digest=f"{part}{kind}{i}",
            group=f"{part}-{kind}-{i // 4}" if groups else None,
        )
        for kind in kinds
        for i in range(each)
    )


def scores_of(test, strength, seed, ties=False):
    """Normal numbers, those of anomalous images ``strength`` higher; with ``ties`` rounded to halves."""
    values = np.random.default_rng(seed).normal(size=len(test)) + strength * np.array([s.label for s in test])
    return np.round(values * 2) / 2 if ties else values


def write_run(
    store, method="alpha", dataset="cells", category=None, preset="standard", seed=0, strength=1.0,
    kinds=("good", "dents", "holes"), each=20, groups=True, ties=False, average=False, protocol="ours",
    data="d" * 64, view="resize:64", finished="2026-01-01T00:00:00+00:00", codes=None, training=(), seconds=1.0,
    status="done", params=None, settings=None, trivial=False, noise=None, precision="float32", code="",
    dataset_params=None,
):  # fmt: skip
    """Store a run and return its record; ``noise``: seed of its scores, which are the method's and seed's own else.

    ``seconds=None``: as saved maps of another program have none.
    """
    test = samples("test", kinds, each, groups)
    split = Split(samples("train", ["good"]), samples("val", ["good"]), test, protocol, group_name="patient")
    number = sum(map(ord, method)) + 1000 * seed if noise is None else noise
    val = {SCORE: scores_of(split.val, 0, number + 1)}
    columns = {SCORE: scores_of(test, strength, number, ties)}
    spec = RunSpec(method, dataset, category, preset, view, seed, params or {}, dataset_params or {}, data=data,
                   method_code=code, precision=precision)  # fmt: skip
    record = Record(
        key=spec.key, spec=spec, status=status, protocol_name=protocol, counts=Counts.of(split), trivial=trivial,
        facts={"group": "patient"} if groups else {}, settings=settings,
        metrics=evaluate(test, columns, val, average) if status == "done" else None,
        seconds={"fit": 10 * seconds, "score": seconds} if seconds is not None else {}, finished=finished,
        provenance={"device": "cpu", "threads": 1, "hardware": {"cpu": "Abacus 3", "gpus": []}},
    )  # fmt: skip
    with store.drafting(record.key) as draft:
        artifacts.write_scores(draft, split, {"val": val, "test": columns})
        artifacts.write_training(draft, training)
        artifacts.write_codes(draft, codes)
        return store.write(record, draft)
