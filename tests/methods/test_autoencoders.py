"""The autoencoders and ALI: their losses against torch's own, what is frozen, and what they report."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bench.plugins.methods import adv_ae, ali, dae, vae
from torch.distributions import Independent, Normal, kl_divergence

from bench import registry
from bench.contracts import ImageShape

SMALL = {"width": 2, "latent_dim": 4, "batch_size": 8, "training_steps": 3}
SHAPE = ImageShape(channels=1, size=32)
METHODS = ("ae", "dae", "vae", "adv-ae", "ali")


@pytest.fixture
def x():
    return torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def built(module, **params):
    made = module.Detector(module.Params(**SMALL, **params))
    made.build(SHAPE)
    return made


def random():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_networks_are_those_of_fanogan(method, channels):
    cls, params = registry.load_method(method)
    fanogan, fanogan_params = registry.load_method("fanogan")
    shape = ImageShape(channels, 64)
    rival, ours = cls(params()), fanogan(fanogan_params())
    rival.build(shape)
    ours.build(shape)
    sizes = [{n: p.shape for n, p in d.parts()["generator"].named_parameters()} for d in (rival, ours)]
    assert sizes[0] == sizes[1]
    bodies = [{n: p.shape for n, p in d.parts()["encoder"].body.named_parameters()} for d in (rival, ours)]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(("module", "params"), [(adv_ae, {}), (adv_ae, {"space": "latent"}), (ali, {}), (vae, {})])
def test_what_a_fused_optimiser_trained_answers_as_its_weights_do(module, params, x):
    """The optimiser of a GPU, here on a CPU: networks that judged while they learnt must not judge as they once did."""
    made = built(module, **params)
    made.adam = lambda *networks: torch.optim.Adam(
        [parameter for network in networks for parameter in network.parameters()], lr=0.01, fused=True
    )
    optimisers = made.optimisers()
    for _ in range(3):
        made.step(x, random(), optimisers)
    for network in made.parts().values():
        network.eval().requires_grad_(False)
    again = module.Detector(made.params)
    again.restore(made.weights(), SHAPE, torch.device("cpu"))
    found, expected = made.score(x), again.score(x)
    assert found.parts.keys() == expected.parts.keys()
    for name in found.parts:
        torch.testing.assert_close(found.parts[name], expected.parts[name])


def test_divergence_is_torchs():
    mean, log_variance = torch.randn(5, 7), torch.randn(5, 7)
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros(5, 7), torch.ones(5, 7)), 1)
    torch.testing.assert_close(vae.divergence(mean, log_variance), kl_divergence(posterior, prior))


def test_the_bound_is_the_gaussian_likelihood_up_to_its_constant(x):
    made = built(vae)
    redrawn, kl = torch.zeros_like(x), torch.arange(6.0)
    residual = (x - redrawn).square().flatten(1).mean(dim=1)
    likelihood = Normal(redrawn, torch.tensor(-1.3 / 2).exp()).log_prob(x).flatten(1).sum(dim=1)
    constant = x[0].numel() / 2 * np.log(2 * np.pi)
    torch.testing.assert_close(
        made._bound(residual, kl, torch.tensor(-1.3).exp(), x[0].numel()),
        -likelihood - constant + kl,
        rtol=1e-5,
        atol=1e-2,
    )


def test_the_variance_of_pixels_is_the_best_one(x):
    """With s^2 at its optimum the bound falls as n/2 log of the mean residual does."""
    made = built(vae)
    terms = made.loss(x, random())
    pixels = x[0].numel()
    best = terms["residual"].log() / 2 + (terms["kl"] + pixels / 2) / pixels
    torch.testing.assert_close(terms["loss"], best)
    weights = list(made.generator.parameters())
    ours, theirs = (torch.autograd.grad(loss, weights, retain_graph=True) for loss in (terms["loss"], best))
    torch.testing.assert_close(ours, theirs)


def test_scoring_takes_the_variance_that_training_ended_with(x):
    made = built(vae)
    optimisers = made.optimisers()
    residuals = [made.step(x, random(), optimisers)["residual"].item() for _ in range(300)]
    assert made.weights()["pixel_variance.value"].item() == pytest.approx(np.mean(residuals[-100:]), rel=0.3)
    made.pixel_variance.follow(torch.tensor(0.0))
    assert made.pixel_variance.value > 0


@pytest.mark.parametrize("module", [vae, ali])
def test_a_head_bounds_codes_and_not_their_spread(module, x):
    made = built(module, encoder_head="tanh")
    with torch.no_grad():
        made.encoder.linear.bias.fill_(5.0)
        code, log_variance = made.encoder(x).chunk(2, dim=1)
    assert code.abs().max() <= 1
    assert log_variance.max() > 1
    torch.testing.assert_close(made.encode(x), code)


@pytest.mark.parametrize("cell", [1, 8])
def test_noise_is_of_its_grid_rolled(cell, x):
    made, given, again = built(dae, noise=0.5, noise_cell=cell), random(), random()
    noise = made._draw_noise(x, given)
    points = 32 // cell
    coarse = torch.randn(6, 1, points, points, generator=again)
    ramps = torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=True)
    down, right = torch.randint(32, (2, 1), generator=again).flatten().tolist()
    torch.testing.assert_close(noise, 0.5 * torch.roll(ramps, (-down, -right), dims=(2, 3)))
    assert (down, right) != (0, 0)


def test_coarse_noise_is_as_strong_everywhere():
    """Without rolling, the points of the grid would have twice the spread of what lies between them."""
    made, given = built(dae, noise=0.5, noise_cell=8), random()
    drawn = torch.cat([made._draw_noise(torch.zeros(8, 1, 32, 32), given) for _ in range(500)])
    spread = drawn.std(dim=(0, 1))
    assert spread.max() / spread.min() < 1.25


def test_logistic_loss_is_torchs_cross_entropy():
    logits = torch.randn(9)
    for real in (True, False):
        expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.full((9,), float(real)))
        torch.testing.assert_close(adv_ae.logistic(logits, real), expected)


@pytest.mark.parametrize("space", ["image", "latent"])
def test_the_adversary_learns_only_in_its_own_step(space, x):
    made = built(adv_ae, space=space)
    optimisers = made.optimisers()
    before = {name: p.clone() for name, p in made.critic.named_parameters()}
    optimisers["adam_of_critic"].param_groups[0]["lr"] = 0
    made.step(x, random(), optimisers)
    assert all(torch.equal(before[name], p) for name, p in made.critic.named_parameters())
    assert all(p.requires_grad for p in made.critic.parameters())


def test_a_heavier_adversary_changes_the_loss_as_the_formula_says(x):
    made = built(adv_ae, adversarial_weight=0.3)
    terms = made.loss(x, random())
    expected = 0.7 * terms["residual"] + 0.3 * terms["deceived"]
    torch.testing.assert_close(terms["loss"], expected)


def test_ali_codes_are_drawn_around_their_mean_or_not_at_all(x):
    drawn = built(ali)
    drawn.encoder.eval()
    codes = torch.stack([drawn._draw_codes(x, torch.Generator().manual_seed(i)) for i in range(400)]).detach()
    mean, log_variance = drawn.encoder(x).detach().chunk(2, dim=1)
    spread = (log_variance / 2).exp()
    assert ((codes.mean(dim=0) - mean).abs() < 5 * spread / 20).all()
    torch.testing.assert_close(codes.std(dim=0), spread, rtol=0.2, atol=0)
    still = built(ali, stochastic=False)
    still.encoder.eval()
    torch.testing.assert_close(still._draw_codes(x, random()), still.encode(x))


def test_alis_critic_sees_the_code(x):
    made = built(ali)
    with torch.no_grad():
        judged = [made.critic(x, torch.full((6, 4), value)) for value in (0.0, 2.0)]
    assert not torch.allclose(*judged)


@pytest.mark.parametrize(
    ("method", "settings", "parts"),
    [
        ("ae", [], ["residual"]),
        ("dae", [], ["residual"]),
        ("vae", [], ["residual", "kl", "elbo"]),
        ("adv-ae", [], ["residual", "feature"]),
        ("adv-ae", ["space=latent"], ["residual"]),
        ("ali", [], ["residual", "feature"]),
        ("fanogan", ["generator_steps=3", "encoder_steps=3"], ["residual", "feature", "latent"]),
        ("anogan", ["generator_steps=3", "iterations=3"], ["residual", "feature"]),
    ],
)
def test_every_method_that_redraws_reports_its_parts(method, settings, parts, run_toy):
    _, params = registry.load_method(method)
    small = [f"{key}={value}" for key, value in SMALL.items() if key in params.model_fields]
    (record,) = run_toy(method, settings=[*small, *settings])
    assert record.status == "done", record.reason
    assert list(record.metrics.parts) == parts


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_training_redraws_held_out_normals_better_than_their_mean(method, run_toy):
    import pandas as pd

    settings = ["width=4", "latent_dim=8", "batch_size=32", "training_steps=400", "learning_rate=2e-3"]
    (record,) = run_toy(method, settings=settings)
    curve = pd.read_csv(record.folder / "training.csv")["val_reconstruction"].dropna().to_numpy()
    assert curve[-1] < 0.5 * curve[0]
