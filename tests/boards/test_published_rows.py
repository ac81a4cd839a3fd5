"""The rows of results/published.csv: none recalled, none ranked twice, figures as printed and in keeping."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bench import registry
from bench.boards import published
from bench.boards.published import COLUMNS, PublishedRow, read
from bench.metrics.pools import LIMITS, PRO_LIMIT

REFERENCE = Path(__file__).parents[3] / "shared/reference/published.csv"
LOCO = "mvtec-loco"
LOGICAL, STRUCTURAL = "logical_anomalies", "structural_anomalies"
ROWS = read()

MEANS_THAT_DO_NOT_ADD_UP = {
    ("au_spro@0.05", "SPADE"): "45.1 printed for 53.6 and 36.8, whose mean is 45.2: all three are rounded",
    ("auroc", "SLSG"): "90.3 printed for 89.6 and 91.4, whose mean is 90.5",
    ("auroc", "PSAD"): "94.0 printed for 98.1 and 91.6, whose mean is 94.85: not ranked",
    ("auroc", "LogicAL"): "88.5 printed for 84.6 and 93.6, whose mean is 89.1: not ranked",
}
CATEGORIES_THAT_DO_NOT_ADD_UP = {
    ("auroc", "PatchCore", LOGICAL): "74.0 printed for five categories whose mean is 73.86"
}


def rows_where(**wanted):
    return [row for row in ROWS if all(getattr(row, column) == value for column, value in wanted.items())]


# ----------------------------------------------------------------------------------------- file


def test_every_line_of_the_file_becomes_a_row():
    with published.default_file().open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(ROWS) == len(lines) > 300
    assert [row.value for row in ROWS] == [float(line["value"]) for line in lines]
    assert tuple(lines[0]) == COLUMNS == tuple(PublishedRow.model_fields)


def test_nothing_recalled_is_among_them():
    assert not [row for row in ROWS if "recalled" in f"{row.source} {row.confidence} {row.note}"]


def test_data_sets_categories_and_methods_are_ours():
    datasets, methods = registry.entries("dataset"), registry.entries("method")
    for row in ROWS:
        assert row.category is None or row.category in datasets[row.dataset].categories
        assert row.our_method is None or row.our_method in methods
    assert {row.our_method for row in ROWS if row.method == "f-AnoGAN"} == {"fanogan"}


def test_limits_are_those_that_are_measured():
    measured = {f"au_spro@{limit}" for limit in LIMITS} | {f"au_pro@{PRO_LIMIT}"}
    assert {metric for metric in get_args(published.Metric) if "@" in metric} == measured


def test_no_figure_is_ranked_twice():
    cells = Counter((r.dataset, r.category, r.kind, r.metric, r.method) for r in ROWS if r.ranked)
    assert [cell for cell, count in cells.items() if count > 1] == []


def test_pooled_figures_stand_apart_from_averaged_ones():
    protocols = defaultdict(set)
    for row in rows_where(dataset=LOCO):
        protocols[row.aggregation].add(row.protocol)
    assert protocols["pooled"]
    assert protocols["pooled"].isdisjoint(protocols["mean_of_kinds"] | protocols[None] | protocols["not_stated"])
    assert not [row for row in rows_where(dataset=LOCO, aggregation="pooled") if row.ranked or row.comparable_with]


def test_older_tables_copies_and_doubtful_figures_are_not_ranked():
    assert not rows_where(dataset="resc", year=2023, ranked=True)
    assert len(rows_where(dataset="resc", year=2023)) == 14
    assert [row.ranked for row in rows_where(method="SAM-LAD")] == [False, False]
    assert [row.ranked for row in rows_where(method="GCAD", dataset=LOCO, category=None, value=0.834)] == [False]
    assert {row.ranked for row in ROWS if row.method.startswith("MVFA")} == {False}
    assert {row.method for row in rows_where(kind=LOGICAL, category=None, ranked=False)} == {
        "GCAD",  # copies of tables that are ranked, and a figure that may be a mean of both kinds
        "S-T",
        "PSAD",
        "LogicQA",
    }


# -------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("dataset", "metric", "kind", "value"),
    [
        ("hyper-kvasir", "auroc", None, 0.907),
        ("lag", "auroc", None, 0.778),
        (LOCO, "auroc", None, 0.642),
        (LOCO, "auroc", LOGICAL, 0.658),
        (LOCO, "auroc", STRUCTURAL, 0.627),
        (LOCO, "au_spro@0.05", None, 0.334),
        ("oct-bmad", "auroc", None, 0.7342),
        ("resc", "auroc", None, 0.7742),
    ],
)
def test_headline_figures_of_fanogan(dataset, metric, kind, value):
    found = rows_where(dataset=dataset, category=None, metric=metric, kind=kind, our_method="fanogan", ranked=True)
    assert [row.value for row in found] == [value]


def test_means_over_kinds_agree_with_their_parts():
    cells = defaultdict(dict)
    for row in rows_where(dataset=LOCO):
        if row.aggregation != "pooled":
            cells[row.category, row.metric, row.method, row.source][row.kind] = row.value
    whole = {cell: parts for cell, parts in cells.items() if parts.keys() == {None, LOGICAL, STRUCTURAL}}
    off = {
        (metric, method)
        for (_, metric, method, _), of in whole.items()
        if abs(of[None] - (of[LOGICAL] + of[STRUCTURAL]) / 2) > 0.0006 + 1e-9
    }
    assert len(whole) > 25
    assert off == set(MEANS_THAT_DO_NOT_ADD_UP)


def test_figures_of_a_data_set_are_means_over_its_categories():
    """Figures are rounded to 0.001: a mean of five may lie 0.001 beside the rounded mean."""
    cells = defaultdict(dict)
    for row in rows_where(dataset=LOCO):
        if row.aggregation in (None, "mean_of_kinds"):
            cells[row.metric, row.method, row.kind, row.source][row.category] = row.value
    whole = {cell: values for cell, values in cells.items() if len(values) == 6}
    off = {
        cell[:3]
        for cell, values in whole.items()
        if abs(values[None] - np.mean([v for category, v in values.items() if category])) > 0.001 + 1e-9
    }
    assert len(whole) == 8 + 2 * 9
    assert off == set(CATEGORIES_THAT_DO_NOT_ADD_UP)


@pytest.mark.parametrize("excused", [*MEANS_THAT_DO_NOT_ADD_UP, *CATEGORIES_THAT_DO_NOT_ADD_UP])
def test_what_does_not_add_up_is_said_in_its_row(excused):
    metric, method, *_ = excused
    assert [row for row in rows_where(metric=metric, method=method) if row.note.startswith("as printed; ")]


# ------------------------------------------------------------------------------------ reference


LEFT_OUT = {
    "BMAD BraTS2021": "no data set of ours",
    "BMAD BTCV+LiTS (liver)": "no data set of ours",
    "BMAD RSNA chest": "no data set of ours",
    "BMAD Camelyon16": "no data set of ours",
}
IN_ITS_TEXT_ALONE = {
    (LOCO, None, "auroc", STRUCTURAL, "EfficientAD-S", 0.941, None, 2024): "| EfficientAD-S | 90.0 | 85.8 | 94.1 |",
}
"""Figures that its table of published numbers lacks, and the line of datasets.md that has them."""
OUR_NAMES = {
    "Hyper-Kvasir": "hyper-kvasir",
    "LAG": "lag",
    "MVTec LOCO": LOCO,
    "MVTec AD": "mvtec-ad",
    "BMAD RESC": "resc",
    "BMAD OCT2017": "oct-bmad",
    "OCT2017": "oct",
}
PREFIXES = {"image AUROC": "auroc", "detection AUROC": "auroc", "AUC": "auroc", "IoU": "iou"}
PREFIXES |= {"pixel AUROC": "pixel_auroc", "pixel PRO": "au_pro@0.3"}
ONLY_ABOUT_THE_SOURCE = r" \((PSAD table|LogiCo table|paper)\)|, sd [\d.]+"


def identity(line):
    """Which figure a line of the reference is, in our words."""
    name, _, category = line["dataset"].partition("/")
    metric = line["metric"]
    area = re.match(r"AU-sPRO@FPR([\d.]+)", metric)
    sd = re.search(r"sd ([\d.]+)", f"{metric} {line['method']}")
    return (
        next(ours for theirs, ours in OUR_NAMES.items() if name.startswith(theirs)),
        category or None if "LOCO AD/" in line["dataset"] else None,
        f"au_spro@{area[1]}" if area else next(ours for text, ours in PREFIXES.items() if metric.startswith(text)),
        next((f"{kind}_anomalies" for kind in ("logical", "structural") if f" {kind}" in metric.split("(")[0]), None),
        re.sub(ONLY_ABOUT_THE_SOURCE, "", line["method"]),
        round(float(line["value"]) / (100 if line["unit"] == "%" else 1), 6),
        round(float(sd[1]) / 100, 6) if sd else None,
        int(line["year"]),
    )


@pytest.mark.skipif(not REFERENCE.is_file(), reason="needs shared/reference/published.csv beside the checkout")
def test_every_line_of_the_reference_stands_here_once():
    with REFERENCE.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream) if "recalled" not in line["confidence"]]
    kept = Counter(identity(line) for line in lines if line["dataset"] not in LEFT_OUT)
    ours = Counter((r.dataset, r.category, r.metric, r.kind, r.method, r.value, r.sd, r.year) for r in ROWS)
    assert (kept - ours, ours - kept) == (Counter(), Counter(IN_ITS_TEXT_ALONE.keys()))
    text = REFERENCE.with_name("datasets.md").read_text(encoding="utf-8")
    assert all(line in text for line in IN_ITS_TEXT_ALONE.values())
    assert {line["dataset"] for line in lines} >= set(LEFT_OUT)
