"""The classical methods against closed forms, NumPy, SciPy and scikit-learn used directly."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from bench.plugins.methods.classical.coordinates import Coordinates
from conftest import Silent
from scipy.spatial.distance import cdist, mahalanobis
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM

from bench import registry
from bench.contracts import ImageShape
from bench.errors import DataError
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.services import RunContext

METHODS = ("pca", "knn", "gaussian", "iforest", "ocsvm")


class Tensors:
    """``Images`` over a tensor."""

    def __init__(self, images):
        self._images, self.channels, self.size = images, images.shape[1], images.shape[2]

    def __len__(self):
        return len(self._images)

    def batches(self, n):
        return iter(self._images.split(n))


class Crops(Tensors):
    """As if drawn from images so large that a crop has a million places."""

    def __len__(self):
        return 1_000_000


def images_of(n, channels=1, seed=0):
    """Images of a few directions and some noise, so that components are worth finding."""
    rng = np.random.default_rng(seed)
    bases = np.random.default_rng(7).normal(size=(6, channels * 64))
    flat = rng.normal(size=(n, 6)) * [5, 4, 3, 2, 1, 0.5] @ bases * 0.03 + rng.normal(size=(n, channels * 64)) * 0.02
    return torch.from_numpy(flat.reshape(n, channels, 8, 8).astype(np.float32))


@pytest.fixture
def fit(tmp_path):
    def fitted(method, images, seed=0, **params):
        cls, params_cls = registry.load_method(method)
        made = cls(registry.make_params(method, params_cls, params))
        device = torch.device("cpu")
        context = RunContext(
            device, seed, tmp_path, StageStore(tmp_path), {}, Silent(), StopRequest(), {}, log=logging.getLogger()
        )
        train = images if isinstance(images, Tensors) else Tensors(images)
        made.fit(train, train, context=context)
        return made

    return fitted


def numpy_coordinates(images, k):
    x = images.flatten(1).double().numpy()
    mean = x.mean(axis=0)
    directions = np.linalg.svd(x - mean, full_matrices=False)[2][:k]
    return mean, directions


@pytest.mark.parametrize("channels", [1, 3])
def test_pca_is_the_projection_of_the_svd(fit, channels):
    train, test = images_of(300, channels), images_of(20, channels, seed=1) * 2
    found = fit("pca", train, components=5)
    mean, v = numpy_coordinates(train, 5)
    x = test.flatten(1).double().numpy() - mean
    left = x - x @ v.T @ v
    scores = found.score(test)
    np.testing.assert_allclose(scores.image, (left**2).mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(scores.map, np.abs(left).reshape(20, channels, 8, 8).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(
        found.score(test).redrawn, (test.flatten(1).numpy() - left).reshape(test.shape), atol=1e-6
    )


def test_many_batches_find_nearly_the_components_of_one():
    train, test = images_of(2500), images_of(20, seed=1)
    mean, v = numpy_coordinates(train, 6)  # as many as stand out: what is cut off is noise
    found = Coordinates.fit(Tensors(train), 6)
    np.testing.assert_allclose(found.mean, mean, atol=1e-8)
    expected = np.square(test.flatten(1).double().numpy() - mean - (test.flatten(1).numpy() - mean) @ v.T @ v)
    np.testing.assert_allclose(found.residual(test, found.of(test)), expected.mean(axis=1), rtol=2e-3)


def test_components_are_no_more_than_the_images_have(fit):
    found = fit("pca", images_of(4), components=64)
    assert len(found.coordinates.directions) == 3
    assert found.facts()["components"].startswith("3 of at most 64, 100.0%")


def test_knn_is_brute_force(fit):
    train, test = images_of(200), images_of(10, seed=1)
    found = fit("knn", train, components=4, neighbours=3)
    _, v = numpy_coordinates(train, 4)
    distances = cdist(test.flatten(1).double().numpy() @ v.T, train.flatten(1).double().numpy() @ v.T)
    np.testing.assert_allclose(found.score(test).image, np.sort(distances)[:, :3].mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_knn_of_no_components_looks_at_the_pixels(fit, channels):
    train, test = images_of(200, channels), images_of(10, channels, seed=1)
    found = fit("knn", train, components=0, neighbours=3)
    distances = cdist(test.flatten(1).double().numpy(), train.flatten(1).double().numpy())
    np.testing.assert_allclose(found.score(test).image, np.sort(distances)[:, :3].mean(axis=1), rtol=1e-12)
    assert found.facts() == {"coordinates": f"all {channels * 64} pixels"}
    cls, params = registry.load_method("knn")
    again = cls(params(components=0, neighbours=3))
    again.restore(found.weights(), ImageShape(channels, 8), torch.device("cpu"))
    assert torch.equal(found.score(test).image, again.score(test).image)


def test_gaussian_is_scipys_mahalanobis(fit):
    train, test = images_of(200), images_of(10, seed=1)
    found = fit("gaussian", train, components=4)
    mean, v = numpy_coordinates(train, 4)
    known = (train.flatten(1).double().numpy() - mean) @ v.T
    fitted = LedoitWolf().fit(known)
    asked = (test.flatten(1).double().numpy() - mean) @ v.T
    expected = [mahalanobis(c, fitted.location_, fitted.precision_) for c in asked]
    np.testing.assert_allclose(found.score(test).image, expected, rtol=1e-6)


def test_ocsvm_is_scikit_learns_decision(fit):
    train, test = images_of(200), images_of(10, seed=1)
    found = fit("ocsvm", train, components=4, nu=0.2)
    known, asked = (found.coordinates.of(images).numpy() for images in (train, test))
    spread = known.std(axis=0)
    machine = OneClassSVM(nu=0.2, gamma=1 / 4).fit(known / spread)
    np.testing.assert_allclose(found.score(test).image, -machine.decision_function(asked / spread), atol=1e-8)


def test_iforest_is_scikit_learns_forest(fit):
    train, test = images_of(400), images_of(10, seed=1)
    found = fit("iforest", train, seed=3, components=4, trees=20)
    known, asked = (found.coordinates.of(images).numpy() for images in (train, test))
    forest = IsolationForest(n_estimators=20, max_samples=256, random_state=int(found.weights()["seed"])).fit(known)
    np.testing.assert_allclose(found.score(test).image, -forest.score_samples(asked))


@pytest.mark.parametrize("method", METHODS)
def test_what_was_saved_scores_the_same_and_loses_nothing(fit, method):
    train, test = images_of(200, channels=3), images_of(10, channels=3, seed=1)
    found = fit(method, train, components=4)
    cls, params = registry.load_method(method)
    again = cls(params(components=4))
    again.restore(found.weights(), ImageShape(3, 8), torch.device("cpu"))
    assert torch.equal(found.score(test).image, again.score(test).image)
    assert again.facts() == {}  # nothing was decided here


@pytest.mark.parametrize("method", METHODS)
def test_crops_of_few_tiles(fit, method):
    """``len`` counts the positions of a random crop: many more than the tiles that can be learnt from."""
    found = fit(method, Crops(images_of(20)))
    assert len(found.coordinates.directions) == 19
    assert "19 of at most 64" in " ".join(found.facts().values())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "message"), [(1, "two or more.*found 1"), (20, "differ.*all of them equal")])
def test_images_without_differences_are_refused(fit, method, n, message):
    with pytest.raises(DataError, match=message):
        fit(method, images_of(1).repeat(n, 1, 1, 1))


def test_equal_images_at_the_start_do_no_harm(fit):
    """Such as the empty corners of many images in a row, filling the first batch."""
    found = fit("pca", torch.cat([torch.zeros(1024, 1, 8, 8), images_of(2000)]), components=6)
    assert found.score(images_of(20, seed=1)).image.max() < 0.001


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [2**32, 2**62])
def test_any_seed_will_do(fit, method, seed):
    assert torch.isfinite(fit(method, images_of(30), seed=seed).score(images_of(3)).image).all()


@pytest.mark.parametrize("method", METHODS)
def test_an_image_scores_the_same_in_any_company(fit, method):
    found, test = fit(method, images_of(300)), images_of(50, seed=1)
    together, order = found.score(test).image, torch.randperm(50)
    alone = torch.cat([found.score(image[None]).image for image in test])
    np.testing.assert_allclose(alone, together, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.score(test[order]).image, together[order], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("method", ["knn", "iforest", "ocsvm"])
def test_a_subsample_is_stated_and_drawn_from_the_seed(fit, method):
    train, test = images_of(200), images_of(10, seed=1)
    first, again, other = (fit(method, train, seed=seed, bank_images=50) for seed in (0, 0, 1))
    assert first.facts()["learnt from"] == "50 of 200 images, drawn at random"
    assert torch.equal(first.score(test).image, again.score(test).image)
    assert not torch.equal(first.score(test).image, other.score(test).image)
    assert "learnt from" not in fit(method, train).facts()


@pytest.mark.parametrize("method", METHODS)
def test_images_far_away_score_higher(fit, method):
    found = fit(method, images_of(300))
    assert found.score(images_of(20, seed=2) * 6).image.median() > found.score(images_of(20, seed=2)).image.max()
