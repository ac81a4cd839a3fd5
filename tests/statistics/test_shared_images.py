"""Figures of several tasks on the same images: against DeLong by brute force, and against fresh samples."""

import numpy as np
import pytest
from delong_oracle import brute_force_covariance
from simulated import normal_sample
from sklearn.metrics import roc_auc_score

from bench.statistics import correlations, covariance_over_images, delong_variance, influences


def names(images, prefix="image"):
    return [f"{prefix} {i}" for i in range(images)]


def three_tasks(rng, images):
    """Images of three classes, each normal in one task; scores of a task share much of what an image shows.

    Labels ``(3, N)`` and scores ``(3, N)``.
    """
    classes = rng.integers(3, size=images)
    labels = (classes != np.arange(3)[:, None]).astype(int)
    return labels, rng.normal(size=images) + 0.4 * rng.normal(size=(3, images)) + 1.2 * labels


def covariance(labels, scores, units):
    return covariance_over_images([influences(*task) for task in zip(labels, scores, strict=True)], units)


def test_one_task_under_several_scorings_is_delongs_covariance():
    labels, scores = normal_sample(np.random.default_rng(0), 30, 40, 0.8)
    scorings = np.stack([scores, np.round(scores), scores + np.random.default_rng(1).normal(size=70)])
    found = covariance([labels] * 3, scorings, [names(70)] * 3)
    np.testing.assert_allclose(found, brute_force_covariance(labels, scorings), rtol=1e-9)


def test_tasks_on_images_of_their_own_are_independent():
    labels, scores = three_tasks(np.random.default_rng(0), 90)
    found = covariance(labels, scores, [names(90, task) for task in "abc"])
    np.testing.assert_allclose(np.diag(found), [delong_variance(*task) for task in zip(labels, scores, strict=True)])
    assert np.count_nonzero(found) == 3


def test_the_order_of_the_images_does_not_matter_and_their_names_do():
    rng = np.random.default_rng(0)
    labels, scores = three_tasks(rng, 90)
    units, order = np.array(names(90)), rng.permutation(90)
    expected = covariance(labels, scores, [units] * 3)
    turned = [units, units[order], units]
    tasks = [(labels[0], scores[0]), (labels[1][order], scores[1][order]), (labels[2], scores[2])]
    np.testing.assert_allclose(covariance_over_images([influences(*t) for t in tasks], turned), expected, atol=1e-15)


def test_images_of_a_group_move_together():
    """Every image twice, in groups of two: as many independent ones as before, and the same covariance."""
    labels, scores = three_tasks(np.random.default_rng(0), 120)
    once = covariance(labels, scores, [names(120)] * 3)
    twice = covariance(np.repeat(labels, 2, axis=1), np.repeat(scores, 2, axis=1), [np.repeat(names(120), 2)] * 3)
    np.testing.assert_allclose(twice, once, rtol=0.05)  # n - 1 is 39 of 40 here, and 79 of 80 there


def test_the_mean_over_tasks_varies_as_over_fresh_samples():
    """Taken as independent, these tasks would have 1.5 times the standard error."""
    rng = np.random.default_rng(0)
    means, errors, naive = [], [], []
    for _ in range(1000):
        labels, scores = three_tasks(rng, 150)
        found = covariance(labels, scores, [names(150)] * 3)
        means.append(np.mean([roc_auc_score(*task) for task in zip(labels, scores, strict=True)]))
        errors.append(np.sqrt(found.sum()) / 3)
        naive.append(np.sqrt(np.trace(found)) / 3)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.06)
    assert np.mean(naive) > 1.4 * np.std(means)


def test_the_mean_over_kinds_weighs_them_alike():
    rng = np.random.default_rng(3)
    classes = np.repeat([0, 1, 2], [40, 30, 10])
    scores = rng.normal(size=80) + np.repeat([0, 1, 2], [40, 30, 10])
    h = 1e-7  # influences are derivatives by the weights of the images, as DeLong's n - 1 leaves them
    found = influences(classes, scores)
    for image, (of_class, n) in {0: (0, 40), 50: (1, 30), 75: (2, 10)}.items():
        weights = np.ones(80)
        weights[image] += h
        kinds = [np.isin(classes, [0, kind]) for kind in (1, 2)]
        moved, still = (
            np.mean([roc_auc_score(classes[k] > 0, scores[k], sample_weight=w[k]) for k in kinds])
            for w in (weights, np.ones(80))
        )
        assert classes[image] == of_class
        assert found[image] == pytest.approx((moved - still) / h * np.sqrt(n / (n - 1)), rel=1e-4, abs=1e-6)


def test_chance_that_is_not_shared_loosens_the_ties():
    shared = np.array([[4.0, 2.0, 0.0], [2.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(correlations(shared, [4, 9, 0]), [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(correlations(shared, [16, 9, 1])[0, 1], 2 / 12)
    np.testing.assert_allclose(correlations(shared, [1, 1, 1])[0, 1], 1 / 3)  # never less than the images' own
