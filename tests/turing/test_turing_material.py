"""What a quiz is made of: the run's own images, seen as the run saw them, and what its network draws."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import TINY
from PIL import Image

from bench import registry
from bench.contracts import NORMAL
from bench.data.opening import open_dataset
from bench.errors import ConfigError, DataError, StoreError
from bench.records.store import read_record
from bench.turing.making import write_quiz
from bench.turing.material import generating_methods, groups_of, images_of, labels_of, open_study


def normals(part):
    return [sample for sample in open_dataset("toy", None, {}, None).split.parts()[part] if sample.label == NORMAL]


def same(image, known):
    """As it is, or mirrored."""
    return np.array_equal(image, known) or np.array_equal(image[:, ::-1], known)


@pytest.mark.parametrize("part", ["test", "train"])
def test_real_images_are_distinct_normal_ones_resized_as_the_view_has_it(record, silent, part):
    material = open_study(record, part, None, silent).draw(20, seed=0)
    size = (32, 32)
    resized = {
        s.id: np.asarray(Image.fromarray(s.read()).resize(size, Image.Resampling.BILINEAR)) for s in normals(part)
    }
    owners, mirrored = [], 0
    for image in material.real[..., 0]:
        (owner,) = [name for name, known in resized.items() if same(image, known)]
        owners.append(owner)
        mirrored += not np.array_equal(image, resized[owner])
    assert len(set(owners)) == 20
    assert 0 < mirrored < 20  # as in training
    groups = {s.id: s.group for s in normals(part)}
    assert [groups[owner] for owner in owners] == list(material.real_groups)


def test_real_patches_lie_somewhere_in_different_images(run_toy, silent):
    (record,) = run_toy("fanogan", settings=TINY, view="patches:32/16")
    material = open_study(record, "test", None, silent).draw(12, seed=0)
    native = {sample.id: sample.read() for sample in normals("test")}
    owners, corners = [], set()
    for image in material.real[..., 0]:
        found = [
            (name, y, x)
            for name, whole in native.items()
            for y in range(9)
            for x in range(9)
            if same(image, whole[y : y + 32, x : x + 32])
        ]
        owners.append(found[0][0])
        corners.add(found[0][1:])
    assert len(set(owners)) == 12
    assert len(corners) > 6


def test_generated_images_are_what_the_restored_network_draws(record, silent):
    study = open_study(record, "test", None, silent)
    material = study.draw(6, seed=5)
    drawn = study.detector.sample(6, torch.Generator().manual_seed(5))
    expected = ((drawn.detach().clamp(-1, 1).double().numpy() + 1) * 127.5).transpose(0, 2, 3, 1)
    assert np.abs(material.generated - expected).max() <= 0.5 + 1e-4
    assert material.generated.shape == material.real.shape
    assert material.generated.dtype == material.real.dtype == np.uint8


def test_labels_and_groups_stand_beside_their_images(record, silent):
    material = open_study(record, "test", None, silent).draw(6, seed=0)
    assert np.array_equal(images_of(material)[labels_of(material)], material.generated)
    assert len(groups_of(material)) == 12
    assert len(set(groups_of(material)[6:])) == 6


def test_methods_that_cannot_draw_are_refused_with_those_that_can(run_toy, silent):
    for method in ("intensity", "ae"):
        settings = ["width=2", "latent_dim=4", "training_steps=3"] if method == "ae" else []
        (record,) = run_toy(method, settings=settings)
        with pytest.raises(ConfigError, match=rf"{method} learns no distribution .*fanogan") as error:
            open_study(record, "test", None, silent)
        assert f" {method}," not in str(error.value).partition("Methods")[2]


def test_every_method_named_as_drawing_defines_how():
    from bench.contracts import Detector

    found = generating_methods()
    assert "fanogan" in found
    for name in found:
        assert registry.load_method(name)[0].sample is not Detector.sample


def test_a_run_without_weights(run_toy, silent):
    (record,) = run_toy("explode")
    with pytest.raises(StoreError, match=r"holds no weights\.safetensors"):
        open_study(record, "test", None, silent)


def test_weights_changed_after_the_run(record, silent, tmp_path):
    copy = shutil.copytree(record.folder, tmp_path / "copy")
    (copy / "weights.safetensors").write_bytes(b"else")
    with pytest.raises(StoreError, match="was changed after the run"):
        open_study(read_record(copy), "test", None, silent)


def test_weights_of_another_network(record, silent):
    wider = record.model_copy(update={"spec": replace(record.spec, params={**record.spec.params, "width": 4})})
    with pytest.raises(StoreError, match="cannot be restored"):
        open_study(wider.at(record.folder), "test", None, silent)


def test_other_images_than_the_runs(record, silent):
    brighter = record.model_copy(update={"spec": replace(record.spec, dataset_params={"brightness": 9})})
    with pytest.raises(DataError, match=r"(?s)Expected those of fingerprint .*--data-root DIR"):
        open_study(brighter.at(record.folder), "test", None, silent)


def test_data_that_are_not_there(record, silent, tmp_path):
    spec = replace(record.spec, dataset="mnist", category="1", dataset_params={})
    elsewhere = record.model_copy(update={"spec": spec}).at(record.folder)
    with pytest.raises(DataError, match=r"(?s)No data for 'mnist'.*--data-root DIR"):
        open_study(elsewhere, "test", tmp_path, silent)


def test_more_images_than_there_are(record, silent, tmp_path):
    with pytest.raises(DataError, match="Expected 25 real images for a quiz of 50, found 24"):
        write_quiz(record, 50, tmp_path / "quiz.html", 0, "test", None, silent)
    assert not (tmp_path / "quiz.html").exists()
