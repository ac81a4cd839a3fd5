"""f-AnoGAN and its variants: frozen networks, per-sample scores, shared GAN, and the score in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bench.plugins.methods import fanogan, izi, ziz
from bench.plugins.methods.networks.parts import freeze
from bench.plugins.methods.networks.resnet import Critic, Encoder, Generator
from bench.plugins.methods.training.optimisers import rmsprop_as_in_tensorflow
from conftest import TINY
from safetensors.torch import load_file

from bench import registry


@pytest.fixture(scope="module")
def detector():
    """Random but settled networks: batch norm statistics away from their start."""
    torch.manual_seed(0)
    detector = fanogan.Detector(fanogan.Params(width=2, latent_dim=4, kappa=0.7))
    detector.generator, detector.critic = Generator(32, 1, 4, 2), Critic(32, 1, 2)
    detector.encoder = Encoder(32, 1, 4, 2, "tanh")
    for _ in range(50):
        detector.generator(torch.randn(16, 4))
        detector.encoder(torch.randn(16, 1, 32, 32))
    for network in (detector.generator, detector.critic, detector.encoder):
        freeze(network)
    return detector


@pytest.fixture(scope="module")
def images():
    return torch.rand(7, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_score_is_residual_plus_kappa_feature_in_float64(detector, images):
    scores = detector.score(images)
    with torch.no_grad():
        redrawn = detector.generator(detector.encoder(images))
        f_x, f_redrawn = (detector.critic.features(x).double().numpy() for x in (images, redrawn))
    x, x_hat = images.double().numpy(), redrawn.double().numpy()
    residual = np.array([np.mean((a - b) ** 2) for a, b in zip(x, x_hat, strict=True)])
    feature = np.array([np.mean((a - b) ** 2) for a, b in zip(f_x, f_redrawn, strict=True)])
    assert np.allclose(scores.image, residual + 0.7 * feature, rtol=1e-5)
    assert np.allclose(scores.parts["residual"], residual, rtol=1e-5)
    assert np.allclose(scores.parts["feature"], feature, rtol=1e-5)
    assert np.allclose(scores.map, np.abs(x - x_hat)[:, 0], atol=1e-6)


def test_a_score_does_not_change_with_its_batch(detector, images):
    together = detector.score(images)
    for i in range(len(images)):
        alone = detector.score(images[i : i + 1])
        assert torch.allclose(alone.image, together.image[i : i + 1], rtol=1e-5)
        assert torch.allclose(alone.map, together.map[i : i + 1], atol=1e-5)


def test_the_map_averages_colours(images):
    torch.manual_seed(0)
    d = fanogan.Detector(fanogan.Params(width=2, latent_dim=4))
    d.generator, d.critic, d.encoder = (
        freeze(n) for n in (Generator(32, 3, 4, 2), Critic(32, 3, 2), Encoder(32, 3, 4, 2, "tanh"))
    )
    colour = images.expand(-1, 3, -1, -1)
    assert torch.allclose(d.score(colour).map, (colour - d.score(colour).redrawn).abs().mean(1))


class Fixed:
    """Training images that are always the same batch."""

    def __init__(self, batch):
        self.batch = batch

    def draw(self, n, generator):
        return self.batch[:n]


def loss_of(module, detector, images, **params):
    variant = module.Detector(module.Params(width=2, latent_dim=4, batch_size=7, **params))
    variant.generator, variant.critic, variant.encoder = detector.generator, detector.critic, detector.encoder
    return variant.encoder_loss(variant.encoder_input(Fixed(images), torch.Generator().manual_seed(3)))


def test_the_three_encoder_losses(detector, images):
    redrawn = detector.generator(detector.encoder(images))
    pixels = (images - redrawn).square().mean()
    features = (detector.critic.features(images) - detector.critic.features(redrawn)).square().mean()
    z = torch.randn(7, 4, generator=torch.Generator().manual_seed(3))
    codes = (z - detector.encoder(detector.generator(z))).square().mean()
    assert torch.allclose(loss_of(fanogan, detector, images, kappa=0.3)["loss"], pixels + 0.3 * features)
    assert torch.allclose(loss_of(izi, detector, images)["loss"], pixels)
    assert torch.allclose(loss_of(ziz, detector, images)["loss"], codes)


def test_ziz_has_a_linear_head_and_the_others_tanh():
    assert ziz.Params().encoder_head == "linear"
    assert fanogan.Params().encoder_head == izi.Params().encoder_head == "tanh"


def test_the_paper_preset_is_the_papers_as_far_as_it_is_known():
    params = registry.make_params("fanogan", fanogan.Params, fanogan.Detector.presets["paper"]).model_dump()
    expected = {
        "width": 64, "latent_dim": 128, "batch_size": 64, "critic_steps": 5, "penalty_weight": 10.0,
        "gan_learning_rate": 1e-4, "gan_beta_1": 0.0, "gan_beta_2": 0.9, "encoder_learning_rate": 5e-5,
        "encoder_steps": 50_000, "kappa": 1.0,
    }  # fmt: skip
    assert expected.items() <= params.items()
    assert params["generator_steps"] * params["critic_steps"] == 100_000  # our reading: docs/protocol.md


@pytest.mark.parametrize("images", [None, 335, 372])
def test_the_loco_preset_counts_its_epochs_in_batches(images):
    """A hundred epochs of six batches of 64, whichever category; the encoder's steps are published as such."""
    chosen = fanogan.Detector.preset("loco-2022", images)
    assert chosen["generator_steps"] * chosen["critic_steps"] == 600
    assert chosen["encoder_steps"] == 50_000


def test_the_bmad_preset_counts_the_epochs_of_both_stages():
    chosen = fanogan.Detector.preset("bmad-2024", 26_315)
    assert chosen == fanogan.Detector.preset("bmad-2024", None)
    assert chosen["generator_steps"] * chosen["critic_steps"] == chosen["encoder_steps"] == 200 * 823


def test_the_encoder_never_touches_generator_or_critic(run_toy, store):
    (record,) = run_toy("fanogan", settings=TINY)
    stage = load_file(store.stages.folder_of(record.stages["gan"]) / "weights.safetensors")
    final = load_file(record.folder / "weights.safetensors")
    assert any(name.endswith("running_mean") for name in stage)
    assert all(torch.equal(final[name], value) for name, value in stage.items())


def test_three_methods_share_one_gan_and_other_settings_do_not(run_toy, store):
    records = run_toy("fanogan", "izi", "ziz", settings=TINY)
    assert len({r.stages["gan"] for r in records}) == 1
    (other,) = run_toy("izi", settings=[*TINY[:-1], "encoder_steps=4", "penalty_weight=5"])
    assert other.stages["gan"] != records[0].stages["gan"]


def test_all_report_residual_and_feature(run_toy):
    for record in run_toy("fanogan", "izi", "ziz", settings=TINY):
        assert set(record.metrics.parts) == {"residual", "feature", "latent"}


def test_rmsprop_starts_its_running_mean_at_one():
    """Two steps by hand with TensorFlow's rule: ms = .9 ms + .1 g^2 from ms = 1."""
    w = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimiser = rmsprop_as_in_tensorflow([w], 0.1)
    by_hand, ms = 2.0, 1.0
    for _ in range(2):
        optimiser.zero_grad()
        (w**2 / 2).sum().backward()
        optimiser.step()
        ms = 0.9 * ms + 0.1 * by_hand**2
        by_hand -= 0.1 * by_hand / ms**0.5
    assert w.item() == pytest.approx(by_hand, rel=1e-6)
