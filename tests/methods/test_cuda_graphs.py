"""Steps replayed from CUDA graphs against the same steps one kernel after the other; on a CPU a step is left alone."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from bench.plugins.methods import anogan, fanogan
from bench.plugins.methods.networks.parts import freeze
from bench.plugins.methods.networks.resnet import initialise
from bench.plugins.methods.training import wgan_gp
from conftest import Silent

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.contracts import ImageShape
from bench.cuda_graphs import captured, plain_steps
from bench.errors import InterruptedRunError
from bench.precision import computing_in
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.timing.operations import operations_of
from bench.training.services import RunContext

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
SMALL = {"width": 8, "latent_dim": 16, "batch_size": 16}
STEPS = 10


class Pictures:
    """Forty blurred squares on the device."""

    channels, size = 1, 32

    def __init__(self, device):
        self.values = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1

    def __len__(self):
        return len(self.values)

    def draw(self, n, generator):
        return self.values[torch.randint(40, (n,), generator=generator, device=self.values.device)]

    def probe(self, n):
        return self.values[:n]


@pytest.fixture
def device():
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    yield torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.deterministic = before


def context(folder, device, stop=None):
    folder.mkdir(exist_ok=True)
    return RunContext(device, 0, folder, StageStore(folder / "stages"), {}, Silent(), stop or StopRequest(), {})


def trained(folder, device, stop=None, pictures=None):
    """All weights of an f-AnoGAN after ten steps of each of its loops."""
    detector = fanogan.Detector(fanogan.Params(**SMALL, generator_steps=STEPS, encoder_steps=STEPS, critic_steps=2))
    pictures = pictures or Pictures(device)
    detector.fit(pictures, pictures, context=context(folder, device, stop))
    return detector.weights()


def require_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def test_elsewhere_a_step_is_left_alone():
    def step(x):
        return {"loss": x}

    assert captured(step, torch.device("cpu")) is step


@GPU
def test_a_replayed_training_ends_with_the_same_weights(device, tmp_path):
    with plain_steps():
        plain = trained(tmp_path / "plain", device)
    require_same(trained(tmp_path / "replayed", device), plain)


@GPU
def test_what_a_graph_changes_is_in_the_checkpoint(device, tmp_path):
    class StopsHalfway(Pictures):
        drawn = 0

        def draw(self, n, generator):
            self.drawn += 1
            stop.requested = stop.requested or self.drawn == 2 * STEPS + 7  # of the encoder's loop
            return super().draw(n, generator)

    stop = StopRequest()
    with pytest.raises(InterruptedRunError):
        trained(tmp_path / "resumed", device, stop, StopsHalfway(device))
    require_same(trained(tmp_path / "resumed", device), trained(tmp_path / "unbroken", device))


@GPU
def test_a_step_is_replayed_from_its_fourth_call_on_and_takes_new_inputs(device):
    calls, weight = [], torch.zeros((), device=device)

    def step(x):
        calls.append(x)
        weight.add_(x)
        return {"sum": weight + 0}

    fast = captured(step, device)
    seen = [fast(torch.tensor(float(n), device=device))["sum"].item() for n in range(10)]
    assert seen == [n * (n + 1) / 2 for n in range(10)]
    assert len(calls) == 4


@GPU
@pytest.mark.parametrize("count", [1, 20])
def test_a_replayed_search_finds_the_same_codes(device, count):
    detector = anogan.Detector(anogan.Params(width=8, latent_dim=16, iterations=30, step_size=0.1))
    detector.build(ImageShape(1, 32))
    detector.seed = 0
    for network in detector.parts().values():
        freeze(network.to(device))
    images = Pictures(device).probe(count)
    with plain_steps():
        plain = detector.score(images)
    assert torch.equal(detector.score(images).code, plain.code)


@GPU
def test_operations_are_counted_in_steps_that_would_be_replayed(device):
    generator, critic = (network.to(device) for network in wgan_gp.build(ImageShape(1, 32), wgan_gp.GanParams(**SMALL)))
    adam = torch.optim.Adam(generator.parameters(), capturable=True)
    step = captured(partial(wgan_gp._generator_step, generator, critic, adam), device)
    z = torch.randn(16, 16, device=device)
    first = operations_of(lambda: step(z))
    for _ in range(6):
        step(z)
    assert operations_of(lambda: step(z)) == first > 0


@GPU
def test_replayed_scores_are_those_of_kernels_launched_one_by_one(device):
    detector = fanogan.Detector(fanogan.Params(width=8, latent_dim=16))
    detector.build(ImageShape(1, 32))
    for network in detector.parts().values():
        initialise(network, torch.Generator().manual_seed(0))
        freeze(network).to(device)
    batches = [torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(i)).to(device) for i in range(8)]
    replayed = [detector.score(batch) for batch in batches]
    detector.score(batches[0][:3])  # another shape has a graph of its own
    with plain_steps():
        plain = [detector.score(batch) for batch in batches]
    for mine, other in zip(replayed, plain, strict=True):
        assert torch.equal(mine.image, other.image)
        assert torch.equal(mine.map, other.map)
        assert torch.equal(mine.redrawn, other.redrawn)
        assert mine.parts.keys() == other.parts.keys()
    assert not torch.equal(replayed[-1].image, replayed[-2].image)


@GPU
def test_a_graph_is_not_replayed_in_another_precision(device):
    weights = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)).to(device)
    step = captured(lambda x: {"y": x @ weights}, device)
    x = torch.rand(4, 64, device=device)
    for precision, dtype in [("float32", torch.float32), ("bf16", torch.bfloat16), ("float32", torch.float32)]:
        with computing_in(precision, device):
            assert {step(x)["y"].dtype for _ in range(6)} == {dtype}
