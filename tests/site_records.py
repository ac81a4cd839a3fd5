"""Records made by hand on the toy data set, with true maps and redrawn images: material for a web site, in a second."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import cycle

import numpy as np
import pandas as pd
from PIL import Image

from bench.data.opening import open_dataset
from bench.judging.evaluation import evaluate
from bench.provenance import now
from bench.records.pictures import PictureWriter
from bench.records.record import Counts, Record
from bench.spec import RunSpec
from bench.views import View

VIEW = View.parse("resize:32")
HOSTILE = "<script>alert('x')<b> & \"quoted\""
"""A name that would be markup; folders are called so, and it holds no slash."""


@cache
def toy(tested=48, size=40):
    return open_dataset("toy", None, {"tested": tested, "size": size}, None)


def write_run(
    store, method, strength=1.0, seed=0, data=None, maps=True, dataset=None, kinds=("square",), ids="",
    preset="standard", average_kinds=False, data_root=None,
):  # fmt: skip
    """One finished run whose scores rise by ``strength`` where there is an anomaly; returns the record.

    ``kinds`` are given to anomalous images in turn, ``ids`` is put before every id.
    """
    data = data or toy()
    test, val = renamed(data.split.test, kinds, ids), data.split.val
    random = np.random.default_rng([seed, *method.encode()])
    # Two decimals: many images share a score.
    scores = (random.normal(size=len(test)) + strength * np.array([s.label for s in test])).round(2)
    normal = random.normal(size=len(val)).round(2)
    spec = RunSpec(
        method=method, dataset=dataset or data.name, category=None, preset=preset, view=str(VIEW), seed=seed,
        dataset_params=data.dataset.params.model_dump(), data=data.fingerprint, method_code=method,
    )  # fmt: skip
    record = Record(
        key=spec.key, spec=spec, status="done", synthetic=True, protocol_name=data.split.protocol,
        counts=Counts.of(data.split), metrics=evaluate(test, {"score": scores}, {"score": normal}, average_kinds),
        seconds={"fit": 1.0, "score": 0.5}, finished=now(),
        provenance={"git": None, "command": f"bench run {HOSTILE}", "data_root": data_root},
    )  # fmt: skip
    with store.drafting(record.key) as draft:
        pd.concat([rows("val", val, normal), rows("test", test, scores)]).to_parquet(draft / "scores.parquet")
        (draft / "training.csv").write_text("stage,step,seconds,loss\nfit,1,0,1.0\nfit,2,0,0.5\nfit,3,0,0.4\n")
        Image.new("L", (40, 30), 128).save(draft / "extremes.png")
        if maps:
            write_pictures(draft, test, random)
        return store.write(record, draft)


def renamed(samples, kinds, ids):
    turn = cycle(kinds)
    return [replace(s, id=ids + s.id, kind=next(turn) if s.label else s.kind) for s in samples]


def rows(part, samples, scores):
    facts = [(part, s.id, s.label, s.kind, s.group) for s in samples]
    return pd.DataFrame(facts, columns=["part", "id", "label", "kind", "group"]).assign(score=scores)


def write_pictures(draft, test, random):
    native = np.array([sample.read().shape[:2] for sample in test])
    with PictureWriter(draft / "maps", VIEW, [s.id for s in test], native) as maps:
        for sample in test:
            maps.add(random.gamma(1 + 2 * sample.label, size=(1, 32, 32)).astype(np.float32))
    with PictureWriter(draft / "redrawn", VIEW, [s.id for s in test], native) as redrawn:
        for _ in test:
            redrawn.add(np.full((1, 32, 32, 1), 90, dtype=np.uint8))


def links(html):
    """Every address in a page: of links, pictures, scripts and style sheets."""
    return re.findall(r'(?:href|src)="([^"]+)"', html)
