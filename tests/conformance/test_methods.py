"""What every method must keep, whoever wrote it: run on the toy data with the smallest budget its parameters allow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Silent
from safetensors.torch import load_file

from bench import registry
from bench.contracts import ImageShape
from bench.data import open_dataset
from bench.errors import ConfigError
from bench.images import cached_images
from bench.stopping import StopRequest
from bench.store import StageStore, save_weights
from bench.training import RunContext
from bench.views import View

METHODS = [name for name, e in registry.entries("method").items() if not e.problem and not e.facts.get("needs")]
METHODS.remove("explode")  # fails on purpose
SMALL = {
    "width": 2, "latent_dim": 4, "batch_size": 8, "iterations": 3, "trees": 10, "components": 8,
    "image_size": 32, "n_features": 4,
}  # fmt: skip
SLOW = {"anomalib:draem"}
METHODS = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in METHODS]
CPU = torch.device("cpu")


def smallest(method):
    """Values for the parameters that cost time, by the names the field gives them."""
    _, params = registry.load_method(method)
    steps = {key: 3 for key in params.model_fields if key.endswith("_steps")}
    return steps | {key: value for key, value in SMALL.items() if key in params.model_fields}


def fitted(method, folder, view="resize:32", seed=0, channels=1):
    cls, params = registry.load_method(method)
    detector = cls(registry.make_params(method, params, smallest(method)))
    data = open_dataset("toy", None, {"channels": str(channels)}, None)
    caches = cached_images(data.split, channels, f"toy {channels}", lambda done, total: None)
    train, val = (View.parse(view).training_images(caches[part], CPU, True) for part in ("train", "val"))
    context = RunContext(CPU, seed, folder, StageStore(folder / "stages"), {}, Silent(), StopRequest(), {})
    detector.fit(train, val, context=context)
    return detector


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("method", METHODS)
def test_shapes_finiteness_and_batch_independence(method, tmp_path, images):
    detector = fitted(method, tmp_path)
    together = detector.score(images)
    assert together.image.shape == (5,)
    assert together.map is None or together.map.shape == (5, 32, 32)
    for name, value in {"image": together.image, **together.parts}.items():
        assert value.shape == (5,), name
        assert torch.isfinite(value).all(), name
    alone = torch.cat([detector.score(image[None]).image for image in images])
    assert torch.allclose(alone, together.image, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("view", ["resize:32", "patches:32/8"])
def test_same_seed_same_scores_under_every_view(method, view, tmp_path, images):
    first, again = (fitted(method, tmp_path / part, view).score(images).image for part in ("a", "b"))
    assert torch.equal(first, again)


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_gives_other_scores_unless_the_method_says_otherwise(method, tmp_path, images):
    first, other = (fitted(method, tmp_path / str(seed), seed=seed).score(images).image for seed in (0, 1))
    assert torch.equal(first, other) == registry.load_method(method)[0].deterministic


@pytest.mark.parametrize("method", METHODS)
def test_what_was_saved_and_restored_scores_the_same(method, tmp_path, images):
    cls, params = registry.load_method(method)
    detector = fitted(method, tmp_path)
    save_weights(tmp_path / "weights.safetensors", detector.weights())
    again = cls(registry.make_params(method, params, smallest(method)))
    again.restore(load_file(tmp_path / "weights.safetensors"), ImageShape(channels=1, size=32), CPU)
    first, second = detector.score(images), again.score(images)
    assert torch.equal(first.image, second.image)
    assert (first.map is None and second.map is None) or torch.equal(first.map, second.map)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 64), (3, 64)])
def test_colour_and_another_size(method, channels, size, tmp_path):
    detector = fitted(method, tmp_path, f"resize:{size}", channels=channels)
    scores = detector.score(torch.zeros(2, channels, size, size))
    assert scores.image.shape == (2,)
    assert scores.map is None or scores.map.shape == (2, size, size)


@pytest.mark.parametrize("method", METHODS)
def test_unknown_parameters_are_refused(method):
    with pytest.raises(ConfigError, match="no_such_thing"):
        registry.make_params(method, registry.load_method(method)[1], {"no_such_thing": 1})


@pytest.mark.parametrize("method", METHODS)
def test_scoring_changes_nothing_that_was_learnt(method, tmp_path, images):
    detector = fitted(method, tmp_path)
    before = {name: value.clone() for name, value in detector.weights().items()}
    detector.score(images)
    assert all(torch.equal(before[name], value) for name, value in detector.weights().items())


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_run_ends_with_a_record(method, run_toy):
    settings = [f"{key}={value}" for key, value in smallest(method).items()]
    (record,) = run_toy(method, settings=settings, view="patches:32/8")
    assert record.status == "done", record.reason
    scores = pd.read_parquet(record.folder / "scores.parquet")
    assert np.isfinite(scores[["score", *record.metrics.parts]].to_numpy()).all()


@pytest.mark.parametrize("method", METHODS)
def test_presets_name_parameters_that_exist(method):
    cls, params = registry.load_method(method)
    for preset, changes in cls.presets.items():
        assert preset in ("quick", "standard", "paper")
        registry.make_params(method, params, dict(changes))
