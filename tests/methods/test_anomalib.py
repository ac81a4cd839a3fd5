"""anomalib's models: all are there, weight-free ones work, others say what is missing; anomalib is the oracle."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from conftest import Silent

from bench import registry
from bench.data.opening import open_dataset
from bench.errors import BenchError
from bench.images import cached_images
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.images import training_images
from bench.training.services import RunContext
from bench.views import View

pytest.importorskip("anomalib", reason="anomalib is not installed")
LEFT_OUT = {"cfm", "vlm_ad"}  # depth maps, a language model service: see methods/anomalib/_adapter.py
CPU = torch.device("cpu")


def listed():
    return {name.partition(":")[2].replace("-", "_") for name in registry.entries("method") if name[:9] == "anomalib:"}


def toy_images(part, view="resize:32"):
    data = open_dataset("toy", None, {"images": "24"}, None)
    caches = cached_images(data.split, 1, "toy", lambda done, total: None)
    return training_images(View.parse(view), caches[part], CPU, False)


@pytest.fixture
def fit(tmp_path):
    def fitted(method, seed=0, **values):
        cls, params = registry.load_method(method)
        detector = cls(registry.make_params(method, params, {**cls.preset("quick", None), **values}))
        train, val = toy_images("train"), toy_images("val")
        context = RunContext(CPU, seed, tmp_path, StageStore(tmp_path), {}, Silent(), StopRequest(), {})
        detector.fit(train, val, context=context)
        return detector, train

    return fitted


@pytest.fixture
def images():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_every_image_model_of_anomalib_is_there():
    folder = Path(find_spec("anomalib").origin).parent / "models" / "image"
    models = {path.name for path in folder.iterdir() if (path / "torch_model.py").is_file() or path.name in LEFT_OUT}
    assert listed() == models - LEFT_OUT


def test_listing_does_not_import_anomalib():
    code = """
import sys
from bench import registry
needs = {name: entry.facts.get("needs") for name, entry in registry.entries("method").items()}
assert not needs["anomalib:ganomaly"] and "resnet18" in needs["anomalib:padim"]
registry.load_method("anomalib:padim")
assert "anomalib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ganomaly_scores_with_its_own_latent_distance(fit, images):
    detector, _ = fit("anomalib:ganomaly", training_steps=3, n_features=4)
    scores = detector.score(images)
    grey = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (((images + 1) / 2).expand(-1, 3, -1, -1) - grey[0].view(3, 1, 1)) / grey[1].view(3, 1, 1)
    with torch.no_grad():
        _, code, code_again = detector.module.model.generator(normalised)
    torch.testing.assert_close(scores.image, (code - code_again).square().mean(dim=1).view(-1))
    assert scores.map is None
    assert "0.421" in detector.facts()["caveat"]


def test_padim_is_anomalibs_own_with_the_same_seed(fit, images):
    from anomalib.models.image.padim.torch_model import PadimModel

    detector, train = fit("anomalib:padim", seed=5, pre_trained=False, image_size=32)
    torch.manual_seed(5)
    model = PadimModel(backbone="resnet18", layers=["layer1", "layer2", "layer3"], pre_trained=False)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

    def prepared(x):
        return (((x + 1) / 2).expand(-1, 3, -1, -1) - mean) / std

    model.train()
    with torch.no_grad():
        for batch in train.batches(32):
            model(prepared(batch))
        model.fit()
        model.eval()
        expected = model(prepared(images))
    scores = detector.score(images)
    torch.testing.assert_close(scores.image, expected.pred_score.view(-1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scores.map, expected.anomaly_map[:, 0], rtol=1e-4, atol=1e-4)
    assert detector.facts()["backbone"].startswith("random features")


def test_a_bank_is_subsampled_and_says_so(fit, images):
    detector, _ = fit("anomalib:dfm", pre_trained=False, bank_images=10)
    assert detector.facts()["bank_images"] == "10 of 24, drawn at random"
    assert torch.isfinite(detector.score(images).map).all()


@pytest.mark.parametrize(("view", "known"), [("resize:32", 24), ("patches:16/8", 24 * 16)])
@pytest.mark.parametrize("bank", [5, 20, 24])
def test_as_many_images_are_remembered_as_were_asked_for(tmp_path, view, known, bank):
    """Of whole images and of tiles; Lightning stops at the stated number of batches."""
    from bench.plugins.methods.anomalib._training import Passes, count_tiles

    images = toy_images("train", view)
    context = RunContext(CPU, 0, tmp_path, StageStore(tmp_path), {}, Silent(), StopRequest(), {})
    passes = Passes(images, 7, bank, None, context)
    batches = [batch.image for batch in passes]
    assert count_tiles(images) == known
    assert len(batches) == len(passes)
    assert sum(map(len, batches)) == bank
    assert all(batch.is_contiguous() for batch in batches)


def test_the_global_random_state_is_left_alone(fit):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit("anomalib:ganomaly", training_steps=2, n_features=4)
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("method", ["padim", "stfpm", "efficient-ad", "dsr"])
def test_missing_weights_are_named_with_where_to_put_them(fit, method, monkeypatch, tmp_path):
    import socket

    def refuse(*args, **kwargs):
        raise OSError("no network in this test")

    for name in ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(BenchError, match="cannot be downloaded") as error:
        fit(f"anomalib:{method}")
    assert registry.find("method", f"anomalib:{method}").facts["needs"] in str(error.value)
    assert "--set weights=PATH" in str(error.value)


def test_a_file_of_weights_is_used(fit, tmp_path):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(9)
    backbone = timm.create_model("resnet18", pretrained=False)
    save_file(backbone.state_dict(), tmp_path / "resnet18.safetensors")
    detector, _ = fit("anomalib:padim", weights=str(tmp_path / "resnet18.safetensors"), image_size=32)
    found = {name: value for name, value in detector.weights().items() if name.endswith("conv1.weight")}
    assert any(torch.equal(value, backbone.conv1.weight) for value in found.values())
    with pytest.raises(BenchError, match=r"expected a file of weights .* found none"):
        fit("anomalib:padim", weights=str(tmp_path / "gone.pth"))
