"""Rankings from records made by hand: order, means over seeds, the line to beat, and what has no result."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.metrics.ranking import OperatingPoint
from bench.record import Counts, Metrics, Record, ScoreMetrics
from bench.resampling import Interval
from bench.spec import RunSpec
from bench.standings import standings
from bench.standings_table import standings_report

POINT = OperatingPoint(threshold=0.5, sensitivity=0.5, specificity=0.5, precision=0.5, f1=0.5)
COUNTS = Counts(train=10, val=4, test_normal=3, test_anomalous=3, test_groups=None, by_kind={})


def record(method, auroc=None, seed=0, dataset="toy", trivial=False, view="resize:64", seconds=5.0):
    spec = RunSpec(method, dataset, None, "quick", view, seed)
    made = {"key": spec.key, "spec": spec, "trivial": trivial, "counts": COUNTS}
    if auroc is None:
        return Record(status="failed", reason="weights [missing]", **made)
    interval = Interval(auroc - 0.1, auroc + 0.1, 0.95, "test")
    score = ScoreMetrics(auroc=auroc, auroc_interval=interval, average_precision=auroc / 2, fpr_at_95_tpr=1 - auroc)
    metrics = Metrics(
        score=score, parts={}, auroc_by_kind={}, operating_point=None, threshold_quantile=0.95,
        oracle_operating_point=POINT,
    )  # fmt: skip
    return Record(status="done", metrics=metrics, seconds={"fit": seconds, "score": 1.0}, **made)


def printed(group):
    text = io.StringIO()
    Console(file=text, width=160).print(standings_report(group))
    return text.getvalue()


def test_best_first_and_one_ranking_for_each_data_set():
    records = [record("a", 0.6), record("b", 0.9), record("a", 0.7, dataset="other"), record("c", 0.8)]
    other, toy = standings(records)
    assert (other.dataset, toy.dataset) == ("other", "toy")
    assert [row.method for row in toy.rows] == ["b", "c", "a"]
    assert toy.rows[0].seconds_per_image == pytest.approx(0.1)  # one second for 4 + 3 + 3 images


def test_seeds_are_averaged_and_their_range_stands_for_the_interval():
    (group,) = standings([record("a", 0.6), record("a", 0.8, seed=1), record("b", 0.75)])
    b, a = group.rows
    assert (b.method, b.seeds, a.seeds) == ("b", 1, 2)
    assert (a.auroc, a.lowest, a.highest, a.interval) == (pytest.approx(0.7), 0.6, 0.8, None)
    assert "2, 0.600 – 0.800" in printed(group)


def test_views_of_one_method_are_not_averaged():
    (group,) = standings([record("a", 0.6), record("a", 0.8, view="resize:32")])
    assert [row.view for row in group.rows] == ["resize:32", "resize:64"]
    assert "view resize:32, resize:64" in printed(group)


def test_the_best_trivial_baseline_is_the_line_and_who_is_below_is_named():
    (group,) = standings([record("a", 0.6), record("size", 0.7, trivial=True), record("grey", 0.5, trivial=True)])
    assert group.line.method == "size"
    assert [group.is_below_line(row) for row in group.rows] == [False, True, False]
    assert "line to beat  0.700, size; below it: a" in printed(group)
    assert "size (trivial)" in printed(group)


def test_without_a_trivial_baseline_no_line_is_claimed():
    (group,) = standings([record("a", 0.6)])
    assert group.line is None
    assert "line to beat" not in printed(group)


def test_a_run_without_a_result_is_named_with_its_reason():
    (group,) = standings([record("a", 0.6), record("b")])
    assert [row.method for row in group.rows] == ["a"]
    assert "failed  b, seed 0: weights [missing]" in printed(group)
