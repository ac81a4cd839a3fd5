"""Runs read back from disk: what is there, what was edited, what nobody has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import TINY

from bench.errors import ConfigError, StoreError
from bench.metrics.ranking import auroc
from bench.records import saved


def test_a_saved_run_says_what_the_record_says(run_toy, store):
    (record,) = run_toy("fanogan", settings=TINY)
    (run,) = saved.finished(store)
    assert auroc(run.labels, run.score) == record.metrics.score.auroc
    assert set(run.columns) == {"score", *record.metrics.parts}
    assert len(run.validation) == record.counts.val
    assert run.codes.shape == (len(run.labels), 4)
    assert list(run.maps.ids) == list(run.redrawn.ids) == run.scores["id"].tolist()
    assert set(run.training["stage"]) == {"GAN", "encoder"}


def test_redrawn_images_and_maps_belong_together(run_toy, store):
    """The map is |x - G(E(x))|: the toy's images are grey, 40x40, scaled to 32x32 by the view."""
    run_toy("fanogan", settings=TINY)
    (run,) = saved.finished(store)
    redrawn, found = run.redrawn.as_stored(0), run.maps.as_stored(0)
    assert redrawn.shape == (32, 32, 1)
    assert redrawn.dtype == np.uint8
    lowest = np.abs(redrawn[:, :, 0] / 127.5 - 1 - 1)  # no pixel of an image in [-1, 1] can be further away than ...
    highest = np.maximum(lowest, np.abs(redrawn[:, :, 0] / 127.5 - 1 + 1))
    assert (found <= highest + 1 / 127.5).all()
    assert run.redrawn[0].shape == (40, 40, 1)


def test_edited_scores_are_refused(run_toy, store):
    (record,) = run_toy("intensity")
    file = record.folder / "scores.parquet"
    pd.read_parquet(file).assign(score=0.5).to_parquet(file)
    (run,) = saved.finished(store)
    with pytest.raises(StoreError, match=r"scores.parquet was changed after the run"):
        _ = run.scores
    file.unlink()
    with pytest.raises(StoreError, match=r"holds no scores.parquet"):
        _ = run.labels


def test_nothing_was_run_yet(store):
    with pytest.raises(ConfigError, match="Begin with: bench run"):
        saved.finished(store)


def test_names_that_no_record_has(run_toy, store):
    run_toy("intensity")
    runs = saved.finished(store)
    assert saved.of_dataset(runs, "toy") == runs
    with pytest.raises(ConfigError, match="Did you mean toy"):
        saved.of_dataset(runs, "toys")
    with pytest.raises(ConfigError, match="Did you mean intensity"):
        saved.of_methods(runs, ["intensities"])
