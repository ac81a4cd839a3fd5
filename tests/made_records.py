"""Records made by hand, with scores on disk: what leaderboards and comparisons are computed from, without a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.contracts import Sample
from bench.judging.evaluation import evaluate
from bench.metrics.pixel_results import Figure, PixelFigures, PixelMetrics
from bench.metrics.resampling import Interval
from bench.records.record import Counts, Record
from bench.spec import RunSpec

KINDS = ("good", "good", "hole", "crack")
"""Of the test images, over and over."""
IMAGES = 80


def samples(images=IMAGES, grouped=False, first=0):
    """Half normal, a quarter with a hole, a quarter with a crack; in groups of eight where asked."""
    return [
        Sample(
            id=f"test/{i:03d}", label=int(KINDS[i % 4] != "good"), kind=KINDS[i % 4], read=None, digest=str(i),
            group=f"p{i // 8}" if grouped else None,
        )
        for i in range(first, first + images)
    ]  # fmt: skip


def scores_of(test, strength, seed):
    """Normal noise, and ``strength`` on top where there is an anomaly."""
    noise = np.random.default_rng([seed, 7]).normal(size=len(test))
    return noise + strength * np.array([sample.label for sample in test])


def make(
    store, method="a", *, strength=1.0, seed=0, noise=None, scores=None, test=None, grouped=False, areas=None,
    dataset="toy", category=None, protocol="toy rules", data="d0", dataset_params=None, mean_of_kinds=False,
    preset="standard", view="resize:64", settings=None, params=None, code="m0", finished="2026-01-01",
    trivial=False, synthetic=False, subset=False,
):  # fmt: skip
    """Write one finished record; ``areas``: AU-sPRO@0.05 by kind. Returns it."""
    test = test or samples(grouped=grouped)
    values = scores_of(test, strength, seed if noise is None else noise) if scores is None else np.asarray(scores)
    metrics = evaluate(test, {"score": values}, None, mean_of_kinds)
    if areas:
        metrics = metrics.model_copy(update={"pixel": pixel_metrics(areas, mean_of_kinds)})
    spec = RunSpec(
        method=method, dataset=dataset, category=category, preset=preset, view=view, seed=seed, params=params or {},
        dataset_params=dataset_params or {}, data=data, method_code=code, dataset_code="c", referee_code="r",
    )  # fmt: skip
    record = Record(
        key=spec.key, spec=spec, status="done", synthetic=synthetic, trivial=trivial, protocol_name=protocol,
        facts={"subset": subset, **({"group": "patient"} if grouped else {})}, settings=settings, metrics=metrics,
        counts=counts_of(test), seconds={"fit": 5.0, "score": 1.0}, finished=finished,
        provenance={"packages": {"fanogan-bench": "0.1"}, "git": {"commit": "0123456789abcdef", "dirty": False}},
    )  # fmt: skip
    return write(store, record, test, values)


def write(store, record, test, values):
    with store.drafting(record.key) as draft:
        facts = [(s.id, s.label, s.kind, s.group) for s in test]
        rows = pd.DataFrame(facts, columns=["id", "label", "kind", "group"]).assign(score=values)
        rows.insert(0, "part", "test")
        rows.to_parquet(draft / "scores.parquet")
        return store.write(record, draft)


def failed(store, method="b", settings=None, finished="", **changes):
    """A record without a result, on the terms of ``make``."""
    good = make(store, "template", **changes)
    spec = replace(good.spec, method=method)
    record = Record(
        key=spec.key, spec=spec, status="failed", reason="weights [missing]\nmore", protocol_name="toy rules",
        settings=settings, finished=finished,
    )  # fmt: skip
    with store.drafting(record.key) as draft:
        return store.write(record, draft)


def counts_of(test):
    anomalous = sum(sample.label for sample in test)
    groups = {sample.group for sample in test if sample.group}
    normal = len(test) - anomalous
    return Counts(
        train=10, val=4, test_normal=normal, test_anomalous=anomalous, test_groups=len(groups) or None,
        by_kind=dict(Counter(sample.kind for sample in test)),
    )  # fmt: skip


def pixel_metrics(areas, mean_of_kinds):
    figures = {kind: pixel_figures(value) for kind, value in areas.items()}
    return PixelMetrics(
        headline=pixel_figures(float(np.mean(list(areas.values())))), is_mean_of_kinds=mean_of_kinds, by_kind=figures,
        au_spro_by_defect={}, has_saturation_rules=True, threshold=None, images=40, defects=40,
    )  # fmt: skip


def pixel_figures(value):
    figure = Figure(value, Interval(value - 0.1, value + 0.1, 0.95, "by hand"))
    return PixelFigures(
        auroc=figure, average_precision=value, f1_max_oracle=value, au_pro=figure,
        au_spro=dict.fromkeys(("0.01", "0.05", "0.1", "0.3", "1.0"), figure), aupimo=None, iou=None,
    )  # fmt: skip
