"""Classifiers tell what differs, do not tell what does not, and never learn from a group that they are tested on."""

from __future__ import annotations

import numpy as np
import pytest

from bench.turing.classifier import classify

EACH = 60
GENERATED = np.repeat([False, True], EACH)
ALONE = [f"image {i}" for i in range(2 * EACH)]


def noise(size=8):
    return np.random.default_rng(0).integers(100, 150, (2 * EACH, size, size, 1), dtype=np.uint8)


def accuracies(images, groups=ALONE):
    return [found.accuracy.share for found in classify(images, GENERATED, groups, seed=0)]


def test_images_that_differ_are_told_apart():
    images = noise()
    images[GENERATED, :4] += 40
    for found in classify(images, GENERATED, ALONE, seed=0):
        assert found.accuracy.share == 1
        assert found.accuracy.n == 2 * EACH
        assert found.accuracy.p == pytest.approx(2 / 2 ** (2 * EACH), rel=1e-6)


def test_finer_texture_shows_in_the_spectrum_alone():
    """Every second column takes its neighbour's value: the same grey values, half of them twice."""
    images = noise(16)
    images[GENERATED, :, 1::2] = images[GENERATED, :, ::2]
    pixels, neighbours, spectrum = accuracies(images)
    assert spectrum > 0.95
    assert max(pixels, neighbours) < spectrum - 0.1


def test_images_of_one_distribution_are_not_told_apart():
    for found in classify(noise(), GENERATED, ALONE, seed=0):
        assert found.accuracy.p > 0.01


def test_groups_are_never_torn():
    """Ten copies of each real image: who has seen one knows the others, and nothing else tells them apart."""
    images = noise()
    images[:EACH] = np.repeat(images[:6], 10, axis=0)
    copies = [f"copies {i // 10}" for i in range(EACH)]
    torn, whole = accuracies(images), accuracies(images, [*copies, *ALONE[EACH:]])
    assert torn[1] > 0.8  # nearest neighbours, if every image stood alone
    assert max(whole) < 0.7


def test_flat_images_have_a_spectrum_too():
    images = np.full((2 * EACH, 8, 8, 3), 7, dtype=np.uint8)
    images[GENERATED] = 9
    assert accuracies(images)[1:] == [1, 0.5]  # their grey tells them apart, their texture does not


def test_one_group_cannot_be_parted():
    assert classify(noise(), GENERATED, ["one"] * EACH + ALONE[EACH:], seed=0) == []


def test_a_handful_of_images_is_enough():
    few = slice(EACH - 3, EACH + 3)
    assert len(classify(noise()[few], GENERATED[few], ALONE[few], seed=0)) == 3
