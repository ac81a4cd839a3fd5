"""Checkpoints: any damage is noticed, whether or not torch would load the file."""

from __future__ import annotations

import random
from zipfile import ZipFile

import pytest
import torch

from bench.training.checkpoints import DAMAGES, holds_nan, read_checkpoint, write_checkpoint

CPU = torch.device("cpu")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "walk.checkpoint"
    network = torch.nn.Linear(30, 20)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 30)).sum().backward()
    optimiser.step()
    states = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
    write_checkpoint(path, {"done": 7, "rows": [{"step": 7, "loss": 0.5}], "states": states})
    return path


def test_a_checkpoint_survives_being_written_and_read(file):
    content = read_checkpoint(file, CPU)
    assert (content["done"], content["rows"]) == (7, [{"step": 7, "loss": 0.5}])
    assert content["states"]["network"]["weight"].shape == (20, 30)


def test_a_bit_turned_in_a_weight_is_noticed(file):
    weight = read_checkpoint(file, CPU)["states"]["network"]["weight"].numpy().tobytes()
    content = bytearray(file.read_bytes())
    content[content.index(weight) + 100] ^= 4
    file.write_bytes(content)
    assert torch.load(file, weights_only=True)["done"] == 7, "torch takes it"
    with pytest.raises(ValueError, match=r"wrong check sum|Bad CRC"):
        read_checkpoint(file, CPU)


def test_whatever_is_written_over_a_checkpoint_is_told_as_damage(file):
    rng, whole, changed = random.Random(0), file.read_bytes(), 0
    for _ in range(200):
        content = bytearray(whole)
        start = rng.randrange(len(whole) - 200)
        content[start : start + 200] = rng.randbytes(200)
        file.write_bytes(content if rng.random() < 0.7 else whole[:start])
        with pytest.raises(DAMAGES):
            read_checkpoint(file, CPU)
        changed += 1
    assert changed == 200


def test_an_archive_that_holds_something_else_is_told_as_damage(file):
    rng = random.Random(1)
    with ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    for _ in range(100):
        changed = bytearray(members[name])
        start = rng.randrange(len(changed))
        changed[start : start + 8] = rng.randbytes(8)
        with ZipFile(file, "w") as archive:  # with check sums that are right
            for each, content in members.items():
                archive.writestr(each, bytes(changed) if each == name else content)
        try:
            read_checkpoint(file, CPU)
        except DAMAGES:
            continue


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"a": {"weight": torch.zeros(3)}, "b": [torch.ones(1), 3, "x"]}, False),
        ({"a": {"weight": torch.tensor([0.0, float("nan")])}}, True),
        ({"b": {0: [torch.ones(1), (torch.tensor(float("nan")),)]}}, True),
        ({"mask": torch.tensor(float("-inf")), "steps": torch.tensor(3)}, False),
    ],
)
def test_numbers_that_are_none_are_found(states, expected):
    assert holds_nan(states) == expected
