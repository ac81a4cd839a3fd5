"""Plug-ins found by name, checked on loading, and fingerprinted with what they import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bench.plugins
from bench import registry
from bench.errors import ConfigError, PluginError


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a method file into a user's folder and name it."""
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(tmp_path)])
    (tmp_path / "methods").mkdir()

    def write(name, text):
        file = tmp_path / "methods" / f"{name}.py"
        file.write_text(text)
        return file

    return write


def test_the_file_name_is_the_name():
    assert {"fanogan", "izi", "ziz", "intensity"} <= set(registry.entries("method"))
    assert {"oct", "oct-phantom", "mnist", "magnetic-tile", "folder"} <= set(registry.entries("dataset"))


def test_two_files_of_one_name_are_never_taken_for_each_other(plugin):
    file = plugin("pca", "from bench.plugins.methods.intensity import Detector, Params\n")
    with pytest.raises(
        PluginError, match=r"two files are called pca, .*methods.pca\.py and this one; rename"
    ) as caught:
        registry.load_method("pca")
    assert str(file) in str(caught.value)
    registry.load_method("intensity")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n", "expected a class 'Detector', found none"),
        ("def f(:\n", "broken"),
        ("class Detector:\n    summary = 'x'\nParams = int\n", "must derive from bench.contracts.Detector"),
        ("from bench import contracts\nclass Params(contracts.Params): pass\n"
         "class Detector(contracts.Detector[Params]):\n    summary = 'x'\n",
         "'Detector' lacks fit, restore, score, weights"),
        ("import no_such_package\nclass Detector: pass\n", "cannot be imported: No module named"),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_named_with_its_file_and_what_is_missing(plugin, text, expected):
    name = f"broken{abs(hash(text))}"
    file = plugin(name, text)
    with pytest.raises(PluginError, match=expected) as caught:
        registry.load_method(name)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("open('no such file')", "FileNotFoundError: .*no such file"),
        ("from .parts import helper", "SyntaxError: .*parts.py, line 1"),
        ("import no_such_package", "No module named"),
    ],
)
def test_a_plugin_that_fails_while_it_is_imported_is_named_with_the_line(plugin, line, expected):
    plugin("parts", "def f(:\n")
    name = f"fails{abs(hash(line))}"
    file = plugin(name, f"def late():\n    {line}\n\n\nlate()\n\nclass Detector: pass\n")
    with pytest.raises(PluginError, match=rf"{file}, line 2\) cannot be imported: {expected}"):
        registry.load_method(name)


def test_a_broken_plugin_does_not_hide_the_others(plugin):
    plugin("half", "def f(:\n")
    assert registry.entries("method")["half"].problem
    assert registry.entries("method")["fanogan"].summary


def test_a_digest_follows_shared_parts(plugin, tmp_path):
    file = plugin("user_one", "from .parts import helper\n")
    parts = tmp_path / "methods" / "parts.py"
    parts.write_text("helper = 1\n")
    before = registry.source_digest(file)
    parts.write_text("helper = 2\n")
    assert registry.source_digest(file) != before


def test_fanogans_digest_covers_its_networks_and_training():
    entry = registry.find("method", "izi")
    names = {file.name for file in registry._with_siblings(entry.file)}
    shared = {
        "resnet.py",
        "convolution.py",
        "norms.py",
        "norms_kernels.py",
        "norms_plain.py",
        "norms_triton.py",
        "resampling.py",
        "parts.py",
        "wgan_gp.py",
        "optimisers.py",
        "reconstruction.py",
        "network_detector.py",
    }
    assert names == {"izi.py", "fanogan.py", *shared}


def test_values_are_typed_by_the_parameters():
    _, params = registry.load_method("fanogan")
    assert registry.make_params("fanogan", params, {"latent_dim": "32"}).latent_dim == 32
    with pytest.raises(ConfigError, match=r"latent_dim=1\.5"):
        registry.make_params("fanogan", params, {"latent_dim": "1.5"})


def test_every_parameter_says_what_it_means():
    for kind in ("method", "dataset"):
        for entry in registry.entries(kind).values():
            if not entry.problem:
                for row in registry.parameters_of(entry.name):
                    assert row["meaning"], f"{entry.name}.{row['key']}"


def test_no_package_called_datasets_is_made():
    code = "import sys, bench.plugins, bench.plugins.datasets.mnist; assert 'datasets' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
