"""Iterative AnoGAN: its terms in NumPy, what a search finds, and that images do not notice each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from bench.plugins.methods import anogan, wgan_critic
from bench.plugins.methods.networks.parts import freeze
from bench.plugins.methods.networks.resnet import initialise
from conftest import TINY

from bench.contracts import ImageShape

SHAPE = ImageShape(channels=1, size=32)


def detector(**params):
    """Random networks that redraw something."""
    made = anogan.Detector(anogan.Params(width=2, latent_dim=4, **params))
    made.build(SHAPE)
    for network in made.parts().values():
        initialise(network, torch.Generator().manual_seed(1))
        freeze(network)
    made.seed = 0
    return made


@pytest.fixture
def images():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def terms_in_numpy(found, x, redrawn):
    features = [found.critic.features(images).double().numpy() for images in (x, redrawn)]
    return (x - redrawn).double().numpy().reshape(len(x), -1), features[0] - features[1]


def test_the_score_is_what_is_left_of_the_loss(images):
    found = detector(iterations=20)
    scores = found.score(images)
    redrawn = scores.redrawn
    pixels, features = terms_in_numpy(found, images, redrawn)
    np.testing.assert_allclose(scores.parts["residual"], (pixels**2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(scores.parts["feature"], (features**2).mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(scores.image, scores.parts["residual"] + scores.parts["feature"], rtol=1e-6)
    np.testing.assert_allclose(scores.map, (images - redrawn).abs()[:, 0], atol=1e-6)


def test_the_loss_of_2017_sums_distances(images):
    found = detector(iterations=20, loss="2017")
    pixels, features = terms_in_numpy(found, images, found.score(images).redrawn)
    expected = 0.9 * np.abs(pixels).sum(axis=1) + 0.1 * np.abs(features).sum(axis=1)
    np.testing.assert_allclose(found.score(images).image, expected, rtol=1e-5)


def test_an_image_of_the_generator_is_found_again():
    found = detector(iterations=800, step_size=0.05, restarts=4, kappa=0)
    with torch.no_grad():
        image = found.generator(torch.tensor([[0.5, -1.0, 0.2, 0.8]]))
    start = anogan.Search(found, image, found._first_codes(image, 0)).losses()
    assert found.score(image).image < 1e-3 * start


@pytest.mark.parametrize("loss", ["2019", "2017"])
def test_images_do_not_notice_each_other(images, loss):
    found = detector(iterations=10, loss=loss)
    together = found.score(images).image
    alone = torch.cat([found.score(image[None]).image for image in images.flip(0)]).flip(0)
    np.testing.assert_allclose(alone, together, rtol=1e-5)


def test_more_restarts_never_find_less(images):
    few, many = (detector(iterations=10, restarts=n).score(images).image for n in (1, 4))
    assert (many <= few).all()
    assert (many < few).any()


def test_the_first_code_follows_seed_and_image(images):
    found = detector(iterations=1)
    first, again = found._first_codes(images, 0), found._first_codes(images.flip(0), 0).flip(0)
    assert torch.equal(first, again)
    levels = torch.arange(256).reshape(1, 1, 16, 16) / 127.5 - 1
    in_another_rounding = (levels + 2e-7 * torch.randn(levels.shape)).clamp(-1, 1)
    assert torch.equal(found._first_codes(levels, 0), found._first_codes(in_another_rounding, 0))
    assert not torch.equal(found._first_codes(levels, 0), found._first_codes(levels.flip(2), 0))
    found.seed = 1
    assert not torch.equal(first, found._first_codes(images, 0))
    many = found._first_codes(torch.rand(2000, 1, 2, 2), 0)
    assert abs(many.mean()) < 0.05
    assert abs(many.std() - 1) < 0.05


def test_one_gan_serves_all_its_users_and_the_curve_is_kept(run_toy):
    users = ("fanogan", "izi", "ziz", "anogan", "wgan-critic")
    records = run_toy(*users, settings=[*TINY, "iterations=40"])
    assert [record.status for record in records] == ["done"] * 5
    assert len({record.stages["gan"] for record in records}) == 1
    rows = pd.read_csv(records[3].folder / "training.csv")
    curve = rows[rows["stage"] == "mapping"]["loss"].to_numpy()
    assert len(curve) == 40
    assert curve[-1] < curve[0]


@pytest.mark.parametrize(("real", "generated", "sign"), [([3.0, 5.0], [1.0, 2.0], -1), ([1.0, 2.0], [3.0, 5.0], 1)])
def test_the_critics_sign_follows_validation_normals(real, generated, sign):
    assert wgan_critic.calibrated_sign(torch.tensor(real), torch.tensor(generated)) == sign


def test_the_critics_score_is_its_output_with_the_recorded_sign(run_toy):
    (record,) = run_toy("wgan-critic", settings=TINY[:-1])
    facts = record.method_facts
    normals_are_higher = facts["D(validation normals)"] >= facts["D(generated)"]
    assert facts["sign"].startswith("-1" if normals_are_higher else "+1")
    scores = pd.read_parquet(record.folder / "scores.parquet")
    mean = scores[scores["part"] == "val"]["score"].mean()
    expected = facts["D(validation normals)"] * (-1 if normals_are_higher else 1)
    assert mean == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("n", "total"), [(1, 16), (3, 16), (16, 16), (17, 32)])
def test_groups_are_filled_with_copies_of_the_last_image(n, total):
    x = torch.rand(n, 1, 4, 4)
    filled = anogan.filled_up(x, 16)
    assert len(filled) == total
    assert torch.equal(filled[:n], x)
    assert all(torch.equal(copy, x[-1]) for copy in filled[n:])
