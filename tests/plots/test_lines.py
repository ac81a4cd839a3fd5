"""Curves with jumps: areas against scikit-learn, means against the means of areas, bands against redrawing by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fabricated import write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.plots.lines import Line, bootstrap_band, line_of_run, mean_line, range_band
from bench.plots.pr import pr_line
from bench.plots.roc import roc_line
from bench.records import saved

weighted_images = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(1, 3)), min_size=2, max_size=30)


@given(weighted_images)
@settings(max_examples=200, deadline=None)
def test_areas_are_those_of_scikit_learn_with_ties_and_weights(images):
    images = [*images, (0, 2, 1), (1, 2, 1)]  # one of each class at least
    labels, scores, weights = (np.array(column) for column in zip(*images, strict=True))
    roc, pr = (line(labels, scores.astype(float), weights.astype(float)) for line in (roc_line, pr_line))
    assert roc.area() == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)
    assert pr.area() == pytest.approx(average_precision_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_limits_at_a_jump_between_points_and_at_the_ends():
    line = Line(np.array([0.0, 0.0, 0.5, 0.5, 1.0]), np.array([0.0, 0.2, 0.2, 0.8, 1.0]))
    before, after = line.limits(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert before.tolist() == pytest.approx([0.0, 0.2, 0.2, 0.9, 1.0])
    assert after.tolist() == pytest.approx([0.2, 0.2, 0.8, 0.9, 1.0])


def test_area_of_a_mean_is_the_mean_of_areas():
    rng = np.random.default_rng(0)
    lines = [roc_line(rng.integers(0, 2, n), rng.integers(0, 9, n).astype(float), np.ones(n)) for n in (31, 40, 57)]
    assert mean_line(lines).area() == pytest.approx(np.mean([line.area() for line in lines]), abs=1e-14)
    band = range_band(lines)
    middle = mean_line(lines)
    assert np.array_equal(band.x, middle.x)
    assert (band.low <= middle.y).all()
    assert (middle.y <= band.high).all()


@pytest.mark.parametrize("average", [False, True])
def test_a_run_s_line_has_the_record_s_area(store, average):
    record = write_run(store, average=average, ties=True, kinds=("good", "dents", "holes"))
    (run,) = saved.finished(store)
    assert line_of_run(run, roc_line).area() == pytest.approx(record.metrics.score.auroc, abs=1e-12)
    assert line_of_run(run, pr_line).area() == pytest.approx(record.metrics.score.average_precision, abs=1e-12)


def test_the_band_draws_whole_patients_again(store):
    """Where the four images of a patient have the same score, a band over images is half as wide as it should be."""
    write_run(store, each=80, strength=0.5)
    (run,) = saved.finished(store)
    ungrouped = saved.SavedRun(run.record)
    for rows in (run.scores, ungrouped.scores):
        rows["score"] = rows.groupby("group")["score"].transform("mean")
    ungrouped.scores["group"] = None
    grid = np.linspace(0.1, 0.9, 9)
    of_patients, name = bootstrap_band(run, roc_line, grid)
    assert name == "bootstrap of patients"
    of_images, name = bootstrap_band(ungrouped, roc_line, grid)
    assert name == "bootstrap of images"
    ratio = (of_patients.high - of_patients.low).sum() / (of_images.high - of_images.low).sum()
    assert 1.6 < ratio < 2.4
