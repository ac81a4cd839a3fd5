"""Which numbers networks compute in: flags, casts, and whole runs beside those in float32."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import TINY
from torch import nn

from bench import registry
from bench.errors import ConfigError
from bench.grid.planning import plan
from bench.grid.request import Request
from bench.precision import computing_in, require_precision

CPU = torch.device("cpu")


def flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True), ("bf16", False)])
def test_tf32_is_allowed_by_its_name_alone_and_restored(precision, allowed):
    before = flags()
    with computing_in(precision, CPU):
        assert flags() == (allowed, allowed)
    assert flags() == before


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_convolutions_are_cudnns_and_the_same_every_time(precision):
    def read():
        return torch.backends.cudnn.enabled, torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark

    before = read()
    with computing_in(precision, CPU):
        assert read() == (True, True, False)
    assert read() == before


def test_bf16_reaches_products_and_nothing_else():
    a = torch.rand(4, 4)
    with computing_in("bf16", CPU):
        assert (a @ a).dtype == torch.bfloat16
        assert (a + a).dtype == torch.float32
    assert (a @ a).dtype == torch.float32


def test_weights_changed_in_place_are_the_ones_computed_with():
    layer = nn.Linear(1, 1, bias=False)
    with computing_in("bf16", CPU):
        seen = []
        for value in (1.0, 2.0):
            with torch.no_grad():
                layer.weight.fill_(value)
            seen.append(layer(torch.ones(1, 1)).item())
    assert seen == [1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "message"), [("bf61", "Did you mean bf16"), ("tf32", "needs an NVIDIA GPU, found device 'cpu'")]
)
def test_what_is_not_there_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        require_precision(name, "cpu")


def test_a_run_in_bf16_is_marked_and_close_to_float32(run_toy, store):
    settings = [*TINY, "generator_steps=10", "encoder_steps=10"]
    (single,) = run_toy("fanogan", settings=settings)
    request = Request(["fanogan"], ["toy"], (0,), "quick", settings, precision="bf16")
    (planned,) = plan(request, store)
    assert (planned.state, planned.reason) == ("stale", "precision float32 -> bf16")
    (half,) = run_toy("fanogan", settings=settings, precision="bf16")
    assert half.status == "done"
    assert "bf16" in half.marks()
    assert "bf16" not in single.marks()
    assert half.stages != single.stages
    scores = [pd.read_parquet(record.folder / "scores.parquet")["score"].to_numpy() for record in (single, half)]
    assert not np.array_equal(*scores)
    np.testing.assert_allclose(scores[1], scores[0], rtol=0.1)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_images_are_redrawn_for_the_record_in_the_precision_of_the_run(run_toy, monkeypatch, precision):
    """The pictures of health ask the detector once more, after all else."""
    cls, _ = registry.load_method("pca")
    of_scoring, score = [], cls.score
    monkeypatch.setattr(
        cls, "score", lambda *given: of_scoring.append(torch.is_autocast_enabled("cpu")) or score(*given)
    )
    (record,) = run_toy("pca", settings=["components=4"], precision=precision)
    assert (record.folder / "extremes.png").is_file()
    assert set(of_scoring) == {precision == "bf16"}


@pytest.mark.parametrize("method", ["anogan", "ae", "vae", "adv-ae", "ali", "wgan-critic", "pca"])
def test_every_kind_of_method_runs_in_bf16(method, run_toy):
    known = {*TINY, "iterations=3", "training_steps=3"}
    settings = [text for text in known if text.split("=")[0] in registry.load_method(method)[1].model_fields]
    (record,) = run_toy(method, settings=settings, precision="bf16")
    assert record.status == "done", record.reason
