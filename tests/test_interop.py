"""f-AnoGAN under anomalib's own Engine: real data modules, real checkpoints, and the scores of our own pipeline."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import TINY, Silent
from PIL import Image

import bench
from bench import registry
from bench.contracts import ImageShape
from bench.data.opening import open_dataset
from bench.errors import ConfigError, DataError, StoreError
from bench.files import read_colour, read_grey
from bench.images import cached_images
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.images import training_images
from bench.training.services import RunContext
from bench.views import View, to_model_input

pytestmark = [
    pytest.mark.filterwarnings("ignore:Importing from timm.models.layers:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The anomalib.models.components.dinov2 package:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.LightningModule.configure_optimizers. returned .None.:UserWarning"),
    pytest.mark.filterwarnings("ignore:Found \\d+ module.s. in eval mode:UserWarning"),
    pytest.mark.filterwarnings("ignore:The ..compute.. method of metric:UserWarning"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed:UserWarning"),
    pytest.mark.filterwarnings("ignore:You defined a .validation_step. but have no .val_dataloader:UserWarning"),
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true:UserWarning"),
]

CPU = torch.device("cpu")
SETTINGS = {key: int(value) for key, value in (text.split("=") for text in TINY)}
DOCS = Path(__file__).parents[1] / "docs" / "anomalib.md"


# ------------------------------------------------------------------------------------------ helpers


@pytest.fixture
def interop():
    return importlib.import_module("bench.interop")


@pytest.fixture
def tree(tmp_path):
    """Coloured ramps in the layout that both worlds read; our validation folder is not anomalib's."""
    for folder, n in {"train/good": 13, "val/good": 2, "test/good": 6, "test/scratch": 6}.items():
        (tmp_path / "images" / folder).mkdir(parents=True)
        for i in range(n):
            picture = Image.fromarray(ramp([len(folder), i], folder.endswith("scratch")))
            picture.save(tmp_path / "images" / folder / f"{i:02d}.png")
    return tmp_path / "images"


def ramp(seed, scratched):
    rng = np.random.default_rng(seed)
    image = np.add.outer(np.linspace(0, 90, 41), np.linspace(0, 60, 45))[:, :, None] + rng.uniform(0, 40, 3)
    image = image + rng.normal(0, 4, image.shape)
    if scratched:
        image[10:14, 5:40] += 90
    return image.clip(0, 255).astype(np.uint8)


def data_module(tree):
    from anomalib.data import Folder

    parts = {"normal_dir": "train/good", "normal_test_dir": "test/good", "abnormal_dir": "test/scratch"}
    settings = {**parts, "train_batch_size": 5, "eval_batch_size": 4, "num_workers": 0, "seed": 0}
    return Folder(name="mine", root=tree, **settings)


def engine(folder):
    from anomalib.engine import Engine

    return Engine(accelerator="cpu", devices=1, logger=False, default_root_dir=folder)


def ours(tree, channels, folder):
    """Our detector, fitted by our own pipeline, and its answer on the test images by path."""
    data = open_dataset("folder", None, {"grey": channels == 1}, tree)
    caches = cached_images(data.split, channels, "interop", lambda done, total: None)
    view = View(32)
    train, val = (training_images(view, caches[part], CPU, False) for part in ("train", "val"))
    cls, params = registry.load_method("fanogan")
    detector = cls(registry.make_params("fanogan", params, SETTINGS))
    context = RunContext(CPU, 0, folder, StageStore(folder / "stages"), {}, Silent(), StopRequest(), {})
    detector.fit(train, val, context=context)
    paths = [str(sample.source) for sample in data.split.test]
    tiles = np.concatenate([view.tiles(caches["test"][i]) for i in range(len(paths))])
    scores = detector.score(to_model_input(tiles, CPU))
    return detector, {path: (scores.image[i], scores.map[i]) for i, path in enumerate(paths)}


def raw(interop):
    """Thresholds as usual, scores as they are."""
    from anomalib.post_processing import PostProcessor

    return PostProcessor(enable_normalization=False)


# ------------------------------------------------------------------------------- fit, test, predict


@pytest.mark.parametrize("channels", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_the_engine_fits_tests_and_predicts_as_our_own_pipeline_does(channels, interop, tree, tmp_path):
    model = interop.FAnoGAN(image_size=32, channels=channels, post_processor=raw(interop), **SETTINGS)
    runner, data = engine(tmp_path / "out"), data_module(tree)
    torch.manual_seed(99)  # how the loader shuffles must not matter
    runner.fit(model, datamodule=data)
    (measured,) = runner.test(model, datamodule=data)
    assert 0 <= measured["image_AUROC"] <= 1
    detector, expected = ours(tree, channels, tmp_path / "ours")
    found = {p: item for batch in runner.predict(model, datamodule=data) for p, item in by_path(batch)}
    assert len(found) == 6  # anomalib takes half of the test part for validation
    assert {Path(path).parent.name for path in found} == {"good", "scratch"}
    for path, (score, heat) in found.items():
        assert torch.allclose(score, expected[path][0], rtol=0, atol=1e-5)
        assert torch.allclose(heat, expected[path][1], rtol=0, atol=1e-5)
    learnt = model.model.detector.weights()
    assert all(torch.equal(value, learnt[name]) for name, value in detector.weights().items())
    (log,) = (tmp_path / "out").glob("FAnoGAN/mine/v0/training.csv")
    assert list(pd.read_csv(log)["stage"].unique()) == ["GAN", "encoder"]


def by_path(batch):
    return zip(batch.image_path, zip(batch.pred_score, batch.anomaly_map, strict=True), strict=True)


@pytest.mark.slow
def test_a_checkpoint_carries_everything(interop, tree, tmp_path):
    model = interop.FAnoGAN(image_size=32, channels=1, **SETTINGS)
    runner, data = engine(tmp_path / "out"), data_module(tree)
    runner.fit(model, datamodule=data)
    (before,) = runner.test(model, datamodule=data)
    loaded = interop.FAnoGAN.load_from_checkpoint(runner.best_model_path)
    assert loaded.params == SETTINGS
    images = torch.rand(2, 3, 32, 32)
    for restored in (loaded, interop.FAnoGAN(image_size=32, channels=1, **SETTINGS)):
        path = None if restored is loaded else runner.best_model_path
        (after,) = engine(tmp_path / "again").test(restored, datamodule=data, ckpt_path=path)
        assert after == before
        assert torch.equal(restored.model(images).pred_score, model.model(images).pred_score)
    assert isinstance(loaded.pre_processor.transform, interop.Resize)


@pytest.mark.slow
def test_fitting_again_starts_anew_and_ends_the_same(interop, tree, tmp_path):
    model = interop.FAnoGAN(image_size=32, channels=1, **SETTINGS)
    engine(tmp_path / "first").fit(model, datamodule=data_module(tree))
    first = {name: value.clone() for name, value in model.model.detector.weights().items()}
    data = data_module(tree)
    data.setup()
    engine(tmp_path / "again").fit(model, train_dataloaders=data.train_dataloader())  # no validation, native sizes
    assert first.keys() == model.model.detector.weights().keys()
    assert all(torch.equal(first[name], value) for name, value in model.model.detector.weights().items())


def test_the_module_holds_every_weight_of_the_detector(interop):
    model = interop.FAnoGAN(image_size=32, channels=1, **SETTINGS).model
    assert set(model.state_dict()) == {*model.detector.weights(), "trained"}
    assert not any(network.training for network in model.train().modules())
    assert not any(value.requires_grad for value in model.parameters())


def test_anomalous_training_images_are_refused(interop, tree, tmp_path):
    from anomalib.data import ImageBatch

    model = interop.FAnoGAN(image_size=32, channels=1, **SETTINGS)
    batch = ImageBatch(image=torch.rand(3, 3, 32, 32), gt_label=torch.tensor([0, 1, 1]))
    with pytest.raises(DataError, match="only normal images to learn from, found 2 anomalous"):
        model.training_step(batch)


# ----------------------------------------------------------------------------------------- records


@pytest.mark.parametrize("method", ["fanogan", pytest.param("izi", marks=pytest.mark.slow)])
def test_a_record_scores_as_it_did(method, interop, run_toy, tmp_path):
    (record,) = run_toy(method, settings=TINY, view="resize:32")
    model = interop.FAnoGAN.from_record(record.folder, post_processor=False)
    assert model.method == method
    assert model.shape == ImageShape(channels=1, size=32)
    toy = open_dataset("toy", None, {}, None)
    (tmp_path / "test").mkdir()
    for sample in toy.split.test:
        Image.fromarray(sample.read()).save(tmp_path / f"{sample.id}.png")
    predicted = engine(tmp_path / "out").predict(model, data_path=tmp_path / "test")
    found = {f"test/{Path(batch.image_path[0]).stem}": float(batch.pred_score[0]) for batch in predicted}
    table = pd.read_parquet(record.folder / "scores.parquet").query("part == 'test'")
    assert len(found) == len(table)
    assert [found[name] for name in table["id"]] == pytest.approx(table["score"].tolist(), abs=1e-5)


@pytest.mark.parametrize("missing", ["record.json", "weights.safetensors"])
def test_a_folder_without_a_finished_run_is_told(missing, interop, tmp_path):
    for name in {"record.json", "weights.safetensors"} - {missing}:
        (tmp_path / name).write_text("{}")
    with pytest.raises(StoreError, match=rf"Expected {missing} in {re.escape(str(tmp_path))}, found none\. Give the"):
        interop.FAnoGAN.from_record(tmp_path)


def test_runs_that_anomalib_cannot_be_given_are_told(interop, run_toy):
    (tiles,) = run_toy("fanogan", settings=TINY, view="patches:32/16")
    with pytest.raises(ConfigError, match=r"run on whole images \(--view resize:32\), found patches:32/16 in"):
        interop.FAnoGAN.from_record(tiles.folder)
    text = (tiles.folder / "record.json").read_text()
    (tiles.folder / "record.json").write_text(text.replace('"method": "fanogan"', '"method": "padim"'))
    with pytest.raises(ConfigError, match=r"finished run of fanogan, izi, ziz in .*, found one of padim with status"):
        interop.FAnoGAN.from_record(tiles.folder)
    (tiles.folder / "record.json").write_text(text.replace("patches:32/16", "resize:32"))
    (tiles.folder / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(StoreError, match=r"weights\.safetensors is damaged .* --force"):
        interop.FAnoGAN.from_record(tiles.folder)


# ----------------------------------------------------------------------------- settings and images


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 2}, r"Expected channels=1 \(grey\) or channels=3 \(colour\), found 2"),
        ({"image_size": 48}, "take images of 32, 64, 128 or 256 pixels, found 48"),
        ({"preset": "fast"}, "Unknown preset of fanogan 'fast'"),
        ({"method": "vae"}, "Unknown variant of f-AnoGAN 'vae'"),
        ({"latent_dims": 4}, r"Unknown parameter of fanogan 'latent_dims'\. Did you mean latent_dim"),
    ],
)
def test_settings_that_cannot_be_used_are_told(settings, message, interop):
    with pytest.raises(ConfigError, match=message):
        interop.FAnoGAN(**settings)


def test_what_the_networks_cannot_take_is_told(interop, tmp_path):
    model = interop.FAnoGAN(image_size=32, channels=1, **SETTINGS)
    with pytest.raises(ConfigError, match=r"not trained\. Call Engine\.fit"):
        model.model(torch.rand(1, 3, 32, 32))
    model.model.hold(model.model.detector, trained=True)
    with pytest.raises(DataError, match=r"shape \(3, 32, 32\), found \(3, 40, 40\).*Resize\(32, 1\)"):
        model.model(torch.rand(1, 3, 40, 40))
    for value in (-0.5, 1.5, float("nan")):
        with pytest.raises(DataError, match=r"Expected colours in \[0, 1\], found"):
            model.model(torch.full((1, 3, 32, 32), value))
    with pytest.raises(ConfigError, match="cannot be exported to ONNX"):
        model.to_onnx(tmp_path)
    assert model.model(torch.rand(2, 3, 32, 32)).anomaly_map.shape == (2, 1, 32, 32)


@pytest.mark.parametrize(("channels", "read"), [(1, read_grey), (3, read_colour)])
def test_images_are_scaled_and_made_grey_as_our_loader_does(channels, read, tmp_path):
    from torchvision.tv_tensors import Image as TorchImage
    from torchvision.tv_tensors import Mask

    from bench.interop.model import Resize, as_bytes

    pixels = np.random.default_rng(0).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    native = read(tmp_path / "noise.png").reshape(61, 47, channels)
    image = TorchImage(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)  # as anomalib reads it
    scaled, mask = Resize(32, channels)(image, Mask(torch.ones(61, 47)))
    assert isinstance(scaled, TorchImage)
    assert mask.shape == (32, 32)
    assert scaled.shape == (3, 32, 32)
    assert np.array_equal(as_bytes(scaled[None], channels), View(32).tiles(native))
    assert np.array_equal(as_bytes(image[None], channels)[0], native)


# --------------------------------------------------------------------------------------- the rest


@pytest.mark.slow
def test_the_documented_code_runs(interop, tree, run_toy, tmp_path, monkeypatch):
    (record,) = run_toy("fanogan", settings=TINY, view="resize:32")
    fit, from_record = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    stand_ins = {'preset="quick"': f"**{SETTINGS}", '"results/runs/oct-phantom/fanogan/…"': f'"{record.folder}"'}
    for text, stand_in in stand_ins.items():
        assert (fit + from_record).count(text) == 1
        fit, from_record = (code.replace(text, stand_in) for code in (fit, from_record))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(fit, names)
    assert set(names["measured"][0]) == {"image_AUROC", "image_F1Score"}
    exec(from_record, names)
    assert all(batch.pred_label is not None for batch in names["predictions"])


def test_a_missing_anomalib_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "anomalib", None)
    monkeypatch.delitem(sys.modules, "bench.interop", raising=False)
    with pytest.raises(ImportError, match=r"^bench\.interop needs anomalib: pip install 'anomalib>=2\.7,<2\.8'\.$"):
        importlib.import_module("bench.interop")


def test_nothing_else_in_bench_needs_anomalib_to_be_imported():
    for file in Path(bench.__file__).parent.rglob("*.py"):
        if file.parent.name != "interop":
            assert not {"bench.interop", "bench.interop.model"} & imported(file), file


def imported(file):
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return whole | {p.module for p in parts} | {f"{p.module}.{alias.name}" for p in parts for alias in p.names}
