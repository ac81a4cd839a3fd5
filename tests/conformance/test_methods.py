"""What every method must keep, whoever wrote it: the checks of ``bench check``, and a whole run with its record."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from bench import registry
from bench.conformance import CHECKS, Study, perform
from bench.conformance.study import SMALLEST

_ENTRIES = {name: entry for name, entry in registry.entries("method").items() if name != "explode"}  # fails on purpose


def marked(name):
    """Everyday methods are ours and the light ones of anomalib; the rest of anomalib is slow."""
    light = ":" not in name or name in ("anomalib:ganomaly", "anomalib:padim")
    return name if light else pytest.param(name, marks=pytest.mark.slow)


METHODS = [marked(name) for name in _ENTRIES]
WITHOUT_DOWNLOADS = [marked(name) for name, entry in _ENTRIES.items() if not entry.facts.get("needs")]


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Fitted detectors are shared by all checks of a method."""
    known = {}

    def study(method):
        if method not in known:
            known.clear()  # one method at a time in memory: some take gigabytes, in parts that refer to each other
            gc.collect()
            known[method] = Study(method, tmp_path_factory.mktemp("study"))
        return known[method]

    return study


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_promise_is_kept(method, check, studies):
    finding = perform(check, studies(method))
    if finding.state == "not checked":
        # Only methods that wait for a download, or are tried without their weights, may be left unchecked.
        assert studies(method).needs or (studies(method).goes_without and check == "direction"), finding.text
        pytest.skip(finding.text)
    assert finding.state == "ok", finding.text


@pytest.mark.parametrize("method", WITHOUT_DOWNLOADS)
def test_a_whole_run_ends_with_a_record(method, run_toy, tmp_path):
    values = Study(method, tmp_path).values(SMALLEST)
    (record,) = run_toy(method, settings=[f"{key}={value}" for key, value in values.items()], view="patches:32/8")
    assert record.status == "done", record.reason
    scores = pd.read_parquet(record.folder / "scores.parquet")
    assert np.isfinite(scores[["score", *record.metrics.parts]].to_numpy()).all()
