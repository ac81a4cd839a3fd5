"""Each check lets a sound method pass and catches the fault that it is there for."""

from __future__ import annotations

import gc
import json

import pytest
from typer.testing import CliRunner

import bench.plugins
from bench import registry
from bench.cli import app
from bench.conformance import CHECKS, Study, perform
from bench.conformance.study import SMALLEST

SOUND = '''
"""A random projection and the distance from its mean: draws numbers, keeps weights, points."""
import torch
from pydantic import Field
from bench import contracts
from bench.contracts import Scores


class Params(contracts.Params):
    directions: int = Field(8, ge=1, description="random directions")


class Detector(contracts.Detector[Params]):
    summary = "sound"

    def fit(self, train, val, *, context):
        images = torch.cat(list(train.batches(16)))
        random = context.cpu_generator("directions")
        self.mean = images.mean(dim=0)
        self.directions = torch.randn(self.params.directions, images[0].numel(), generator=random)

    def score(self, images):
        away = images - self.mean
        code = away.flatten(1) @ self.directions.T
        image = code.square().mean(dim=1)
        return Scores(image, away.abs().mean(dim=1), {"size": image.sqrt()}, self.mean.expand_as(images), code)

    def weights(self):
        return {"mean": self.mean, "directions": self.directions}

    def restore(self, weights, images, device):
        self.mean, self.directions = weights["mean"], weights["directions"]

    def facts(self):
        return {"directions": self.params.directions}

    def sample(self, n, random):
        return self.mean.expand(n, -1, -1, -1)
'''

FAULTS = {
    "parameters": ("directions: int =", "model_config = {'extra': 'ignore'}\n    directions: int ="),
    "parameters-frozen": ("directions: int =", "model_config = {'frozen': False}\n    directions: int ="),
    "parameters-described": (', description="random directions"', ""),
    "presets": ('summary = "sound"', 'summary = "sound"\n    presets = {"quick": {"direction": 4}}'),
    "presets-named": ('summary = "sound"', 'summary = "sound"\n    presets = {"fast": {"directions": 4}}'),
    "fit": ("self.mean = images.mean(dim=0)", "raise RuntimeError('it broke')"),
    "shapes": ("return Scores(image,", "return Scores(image[:, None],"),
    "shapes-map": ("away.abs().mean(dim=1), {", "away.abs(), {"),
    "shapes-part": ('{"size": image.sqrt()}', '{"size": image.sqrt().mean()}'),
    "shapes-redrawn": ("self.mean.expand_as(images), code", "self.mean, code"),
    "shapes-code": ("expand_as(images), code)", "expand_as(images), code[:2])"),
    "shapes-type": ("return Scores(image,", "return Scores(image.long(),"),
    "finite": ("{\"size\": image.sqrt()}", "{\"size\": (image - image).log()}"),
    "direction": ("return Scores(image,", "return Scores(-image,"),
    "batches": ("image = code.square().mean(dim=1)", "image = code.square().mean(dim=1) / code.square().mean()"),
    "batches-order": (
        "image = code.square().mean(dim=1)",
        "image = code.square().mean(dim=1) * (1 + 0.01 * torch.arange(len(code)))",
    ),
    "same-seed": ("generator=random)", "generator=None)"),
    "other-seed": ('context.cpu_generator("directions")', "torch.Generator().manual_seed(0)"),
    "other-seed-said": ('summary = "sound"', 'summary = "sound"\n    deterministic = True'),
    "restore": ('weights["mean"], weights["directions"]', 'weights["mean"], weights["directions"] * 2'),
    "image-shapes": ("images[0].numel(), generator", "32 * 32, generator"),
    "scoring-learns-nothing": (
        "away = images - self.mean",
        "self.mean = 0.9 * self.mean + 0.1 * images[0]\n        away = images - self.mean",
    ),
    "scoring-learns-nothing-images": ("away = images - self.mean", "away = images.sub_(self.mean)"),
    "labels": ("images = torch.cat", "labels = [s.label for s in train.samples]\n        images = torch.cat"),
    "labels-hidden": (
        "images = torch.cat",
        "try:\n            train.samples[0].kind\n        except Exception: pass\n        images = torch.cat",
    ),
    "surroundings": ("away = images - self.mean", "torch.set_grad_enabled(False)\n        away = images - self.mean"),
    "surroundings-fit": ("self.mean = images", "torch.use_deterministic_algorithms(True)\n        self.mean = images"),
    "hooks": ('{"directions": self.params.directions}', '{"directions": self.mean}'),
    "hooks-sample": ("self.mean.expand(n, -1, -1, -1)", "self.mean"),
}  # fmt: skip
"""Name of the check, with the fault where there are several -> what to replace in the sound method, and by what."""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A method from its source text, fitted nowhere yet."""

    def make(source, name):
        folder = tmp_path / name / "methods"
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(folder.parent)])
        return Study(name.replace("_", "-"), tmp_path / name)

    return make


def states(study):
    return {name: perform(name, study).state for name in CHECKS}


def test_a_sound_method_passes_every_check(study):
    assert set(states(study(SOUND, "sound_one")).values()) == {"ok"}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_check_catches_its_fault(fault, study):
    old, new = FAULTS[fault]
    assert SOUND.count(old) == 1
    name = next(check for check in sorted(CHECKS, key=len, reverse=True) if fault.startswith(check))
    found = states(study(SOUND.replace(old, new), f"broken_{fault.replace('-', '_')}"))
    assert found[name] == "failed"


def test_every_check_has_a_fault_to_catch():
    assert {next(c for c in sorted(CHECKS, key=len, reverse=True) if f.startswith(c)) for f in FAULTS} == set(CHECKS)


COUNTED = SOUND.replace("import torch", "from weakref import WeakSet\nimport torch").replace(
    'summary = "sound"', 'summary = "sound"\n    alive, most = WeakSet(), 0'
).replace(
    "        images = torch.cat",
    "        self.circle, cls = self, type(self)\n"
    "        cls.alive.add(self)\n"
    "        cls.most = max(cls.most, len(cls.alive))\n"
    "        images = torch.cat",
)  # fmt: skip
"""Refers to itself, as modules of Lightning do, so that nothing frees it but Python's search for such circles."""


def test_large_detectors_do_not_pile_up(study):
    """There are the usual one and the one that a check asked for."""
    examined = study(COUNTED, "counted")
    gc.collect()
    gc.disable()
    try:
        assert set(states(examined).values()) == {"ok"}
    finally:
        gc.enable()
    assert examined.cls.most == 2


def test_an_answer_of_the_wrong_shape_is_told_once(study):
    """Checks that compare answers say why they could not, and do not add to the noise."""
    old, new = FAULTS["shapes"]
    found = states(study(SOUND.replace(old, new), "wrong_shape"))
    assert [name for name, state in found.items() if state == "failed"] == ["shapes", "image-shapes"]
    assert found["batches"] == found["restore"] == "not checked"


def test_global_random_numbers_are_left_alone(study):
    import numpy as np
    import torch

    one = study(SOUND.replace("generator=random)", "generator=None)"), "drawing")
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    one.fitted()
    assert (torch.rand(1), np.random.rand()) == expected


def test_the_command_line_tells_and_exits(study, monkeypatch):
    study(SOUND, "sound_two")
    study(SOUND.replace("return Scores(image,", "return Scores(-image,"), "upside_down")
    runner = CliRunner()
    sound = runner.invoke(app, ["check", "sound-two", "--json"])
    assert sound.exit_code == 0
    rows = [json.loads(line) for line in sound.stdout.splitlines() if line.startswith("{")]
    assert [row["check"] for row in rows] == list(CHECKS)
    broken = runner.invoke(app, ["check", "upside-down"])
    assert broken.exit_code == 1
    assert "direction" in broken.stdout
    assert "Turn the sign" in broken.stdout


def test_an_unexpected_error_is_told_with_its_line(study):
    one = study(SOUND.replace("self.mean = images.mean(dim=0)", "raise KeyError('no such thing')"), "raising")
    finding = perform("fit", one)
    assert finding.state == "failed"
    assert "KeyError: 'no such thing' (raising.py, line" in finding.text
    with pytest.raises(KeyError):
        perform("fit", one, debug=True)


def test_what_needs_a_download_may_be_left_unchecked(study):
    source = SOUND.replace('summary = "sound"', 'summary = "sound"\n    needs = "weights.pt"').replace(
        "self.mean = images.mean(dim=0)", "raise ConfigError('put weights.pt there')"
    )
    one = study("from bench.errors import ConfigError\n" + source, "wanting")
    assert registry.find("method", "wanting").facts["needs"] == "weights.pt"
    finding = perform("fit", one)
    assert finding.state == "not checked"
    assert "put weights.pt there" in finding.text


WANTING = SOUND.replace('summary = "sound"', 'summary = "sound"\n    needs = "weights.pt"').replace(
    'description="random directions")',
    'description="random directions")\n    downloaded: bool = Field(True, description="whether weights.pt is read")',
).replace(
    "self.mean = images.mean(dim=0)",
    "self.mean = images.mean(dim=0)\n        if self.params.downloaded: raise OSError('no weights.pt')",
)  # fmt: skip
STATED = ('needs = "weights.pt"', 'needs = "weights.pt"\n    without_downloads = {"downloaded": False}')


def test_a_method_says_how_it_runs_without_its_downloads(study):
    found = states(study(WANTING.replace(*STATED), "going_without"))
    assert found.pop("direction") == "not checked"
    assert set(found.values()) == {"ok"}


def test_without_a_word_of_the_method_nothing_is_set_for_it(study):
    assert states(study(WANTING, "saying_nothing"))["fit"] == "failed"


@pytest.mark.parametrize("claim", ["", 'without_downloads = {"pre_trained": False}'])
def test_no_name_of_a_parameter_and_no_empty_claim_spares_the_direction(study, claim):
    source = SOUND.replace("return Scores(image,", "return Scores(-image,").replace(
        "directions: int", 'pre_trained: bool = Field(True, description="of the user\'s own")\n    directions: int'
    )
    one = study(source.replace('summary = "sound"', f'summary = "sound"\n    {claim}'), f"own_{bool(claim)}".lower())
    assert one.values(SMALLEST).get("pre_trained") is None
    assert perform("direction", one).state == "failed"


def test_nothing_a_broken_method_does_reaches_other_tests(study):
    import torch

    for name, fault in (("grad_off", "surroundings"), ("deterministic", "surroundings-fit")):
        old, new = FAULTS[fault]
        states(study(SOUND.replace(old, new), name))
        assert torch.is_grad_enabled()
        assert not torch.are_deterministic_algorithms_enabled()
