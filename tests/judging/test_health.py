"""Pictures of a run's health: for maps of any values, and never at the cost of the result."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.contracts import ANOMALOUS, Sample
from bench.judging import health
from bench.judging.heat import HeatScale
from bench.judging.scoring import NativeView

SAMPLE = Sample("a", ANOMALOUS, "dent", lambda: np.zeros((8, 8), np.uint8), "d")


@pytest.mark.parametrize("maps", ["usual", "negative", "zero", "constant"])
def test_maps_of_any_values_are_drawn(run_toy, maps):
    (record,) = run_toy("odd", settings=[f"maps={maps}"])
    assert (record.status, record.reason) == ("done", None)
    with Image.open(record.folder / "extremes.png") as picture:
        assert np.asarray(picture).std() > 0


@pytest.mark.parametrize("shift", [-5, 5])
def test_the_picture_is_the_same_where_all_maps_are_higher_or_lower(tmp_path, shift):
    ramp = np.arange(64, dtype=np.float32).reshape(8, 8)
    pictures = []
    for n, values in enumerate((ramp / 64, ramp / 64 + np.float32(shift))):
        rows = [(SAMPLE, 1.0, NativeView(np.zeros((8, 8, 1), np.uint8), None, values))]
        health.draw_extremes(rows, tmp_path / f"{n}.png")
        pictures.append((tmp_path / f"{n}.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_shares_of_the_scale():
    scale = HeatScale.of([np.float32([-3, -2]), np.float32([-1])])
    assert scale.share(np.float32([-4, -3, -2, -1, 0])).tolist() == [0, 0, 0.5, 1, 1]
    assert HeatScale.of([np.full((2, 2), -7.0)]).share(np.full(3, -7.0)).tolist() == [0, 0, 0]
    most = float(np.finfo(np.float32).max)
    assert HeatScale.of([np.float32([-most, most])]).share(np.float32([-most, 0, most])).tolist() == [0, 0.5, 1]


def test_pictures_that_cannot_be_drawn_cost_no_result(run_toy, caplog):
    (record,) = run_toy("odd", settings=["gallery=broken"])
    assert record.status == "done"
    assert record.metrics
    assert (record.folder / "extremes.png").is_file()
    assert "IndexError: a bug in a gallery" in caplog.text


def test_steps_that_log_nothing_leave_no_curves(run_toy):
    (record,) = run_toy("odd", settings=["steps=3"])
    assert (record.status, record.reason) == ("done", None)
    assert (record.folder / "training.csv").read_text().startswith("stage,step,seconds")
    assert not (record.folder / "training.png").exists()
