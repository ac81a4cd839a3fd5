"""Training cut to windows: what is called, what is counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.timing import training
from bench.timing.training import Counted, CountedImages, WindowContext, counting_updates

CPU = torch.device("cpu")


class Drawn:
    channels, size = 1, 4

    def __len__(self):
        return 10

    def draw(self, n, generator):
        return torch.zeros(n, 1, 4, 4)

    def batches(self, n):
        yield from torch.zeros(10, 1, 4, 4).split(n)

    def probe(self, n):
        return torch.zeros(n, 1, 4, 4)


def run_loop(steps, images=5):
    """A loop of that many steps, each of which draws images twice and updates a layer by a product of matrices."""
    layer, counted = nn.Linear(3, 2, bias=False), Counted()
    adam = torch.optim.Adam(layer.parameters())
    seen, source = [], CountedImages(Drawn(), counted)
    context = WindowContext(CPU, 0, counted)

    def step(i):
        seen.append(i)
        for _ in range(2):
            source.draw(images, context.generator("x", i))
        layer.zero_grad()
        layer(torch.ones(4, 3)).sum().backward()
        adam.step()
        return {}

    with counting_updates(counted):
        context.loop("toy", steps, step, {})
    return context.loops[0], seen, counted


def test_a_window_of_a_long_loop(monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0.0)
    loop, seen, counted = run_loop(1000)
    assert seen == list(range(training.WARM_UP_STEPS + training.STEPS))
    assert (loop.name, loop.steps, loop.timed_steps) == ("toy", 1000, training.STEPS)
    assert (loop.images_per_step, loop.updates_per_step) == (10, 1)
    assert loop.seconds_per_step > 0
    assert loop.operations_per_step == 2 * (2 * 4 * 3 * 2)  # forward, and backward by the weight
    assert (counted.images, counted.updates) == (10 * len(seen), len(seen))


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_a_loop_shorter_than_the_window_is_measured_too(steps):
    loop, seen, _ = run_loop(steps)
    assert loop.steps == steps
    assert 1 <= loop.timed_steps <= steps
    assert max(seen) == steps - 1


def test_whole_passes_count_every_image_and_looks_count_none():
    counted = Counted()
    images = CountedImages(Drawn(), counted)
    assert [len(batch) for batch in images.batches(4)] == [4, 4, 2]
    images.probe(8)
    assert counted.images == 10
    assert len(images) == 10


def test_stages_are_trained_here_and_optimisers_outside_the_block_are_not_counted():
    counted = Counted()
    context = WindowContext(CPU, 0, counted)
    with counting_updates(counted):
        weights = context.stage("part", {}, lambda inner: {"w": torch.ones(2, requires_grad=True)})
    assert not weights["w"].requires_grad
    layer = nn.Linear(1, 1)
    layer(torch.ones(1, 1)).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    assert counted.updates == 0
