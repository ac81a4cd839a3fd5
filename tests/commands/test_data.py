"""``bench data`` as a user meets it, and what is said where data are looked for one folder too high or too low."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from conftest import PLUGINS
from PIL import Image

from bench import cli
from bench.data.opening import missing_data, open_dataset
from bench.errors import DataError
from bench.images import manifest
from bench.registry import find

TOY = '''
from bench import contracts

class Params(contracts.Params):
    """None."""

class Dataset(contracts.Dataset[Params]):
    summary = "a data set for tests, below a folder of its own"
    needs = "the toy files"
    categories = ("one", "two")

    @classmethod
    def locate(cls, folder):
        return folder / "inner" if (folder / "inner" / "toy.txt").is_file() else None

    def split(self):
        raise contracts.DataError(f"{self.category} is broken at {self.root}")
'''


@pytest.fixture
def bench(monkeypatch, capsys):
    """Call ``bench data``; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", "data", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A data set of two categories that is found but cannot be opened; seen by this test alone."""
    import bench.plugins

    folder = tmp_path / "plugins"
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "toy_places.py").write_text(TOY)
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(folder)])
    yield "toy-places"
    sys.modules.pop("bench.plugins.datasets.toy_places", None)


def toy_files(folder):
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "toy.txt").write_text("")
    return folder


def tree(root):
    """Images in the layout of the data set ``folder``."""
    for name in (*(f"train/good/{i}.png" for i in range(6)), "test/good/0.png", "test/dent/0.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(list(name.encode())).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return root


def test_help_imports_nothing_heavy_and_every_command_has_an_example():
    code = """
import sys
from typer.testing import CliRunner
from bench.cli import app
for command in ([], ["status"], ["get"], ["check"], ["split"]):
    result = CliRunner().invoke(app, ["data", *command, "--help"])
    assert result.exit_code == 0, command
    assert not command or f"Example: bench data {command[0]}" in result.output, result.output
heavy = {"torch", "pandas", "seaborn", "anomalib", "numpy", "requests", "PIL"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_status_of_all_says_what_is_there_and_what_can_be_had(bench, tmp_path):
    status, out, _ = bench("status", "--data-root", tree(tmp_path / "photos"), "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert status == 0
    assert rows["folder"]["state"] == "found"
    assert rows["folder"]["found"] == str(tmp_path / "photos")
    assert rows["oct-phantom"]["state"] == "nothing to download"
    assert rows["mnist"]["state"] == "by hand"
    assert rows["mnist"]["places"] == [str(tmp_path / "photos"), str(tmp_path / "photos" / "mnist")]
    assert rows["medmnist"]["state"] == "can be fetched"
    assert sum(d["size"] for d in rows["medmnist"]["downloads"]) == 4_730_249
    _, out, _ = bench("status")
    assert "4.7 MB" in out
    assert "not in" in out
    assert "bench data get NAME" in out


def test_status_of_one_says_everything(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "mine"))
    for name in ("hyper-kvasir", "medmnist", "medmnist:breastmnist"):
        status, out, _ = bench("status", name)
        assert status == 0
        assert "CC BY 4.0" in out
        assert str(tmp_path / "mine" / name.split(":")[0]) in out
        assert "leakage" in out
        assert "doi:" in out
    assert "breastmnist.npz, 559.6 kB, https://zenodo.org/" in out


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("toy_broken", "import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("toy_raising", "x = 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_broken_plugin_is_a_line_of_the_status(bench, toy, tmp_path, name, line, problem):
    (tmp_path / "plugins" / "datasets" / f"{name}.py").write_text(f"{line}\nclass Dataset: pass\n")
    status, out, _ = bench("status", "--json")
    row = next(row for row in map(json.loads, out.splitlines()) if row["name"] == name.replace("_", "-"))
    assert status == 0
    assert row["state"] == "broken"
    assert problem in row["problem"]


@pytest.mark.parametrize("command", ["status", "get", "check", "split"])
def test_unknown_names_and_categories_are_told_with_the_nearest(bench, command):
    status, out, err = bench(command, "mnits")
    assert status == 2
    assert "Unknown dataset 'mnits'. Did you mean mnist" in err
    status, out, err = bench(command, "mnist:ten")
    assert status == 2
    assert "Unknown category of mnist 'ten'" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("command", ["check", "split"])
def test_missing_data_a_missing_category_and_a_wrong_setting_end_with_status_two(bench, tmp_path, command):
    for arguments, expected in (
        (("mnist:1", "--data-root", tmp_path), f"{tmp_path} (another layout)"),
        (("mnist",), "mnist needs a category"),
        (("toy", "--plugins", PLUGINS, "--set", "colour=red"), "Unknown parameter 'colour'"),
        (("toy", "--plugins", tmp_path / "gone"), "Expected a folder after --plugins"),
    ):
        status, _, err = bench(command, *arguments)
        assert status == 2
        assert expected in err


def test_get_prints_where_it_is_and_nothing_else_on_standard_output(bench, tmp_path):
    root = tree(tmp_path / "photos")
    status, out, err = bench("get", "folder", "--data-root", root)
    assert (status, out) == (0, f"{root}\n")
    assert "already there" in err
    status, out, err = bench("get", "oct-phantom")
    assert (status, out) == (0, "")
    assert "needs no files" in err


def test_get_of_what_is_not_public_says_how_to_place_it(bench, tmp_path):
    status, out, err = bench("get", "mnist:3", "--data-root", f"mnist={tmp_path / 'here'}")
    assert (status, out) == (2, "")
    assert "idx files" in err
    assert f"Place it in {tmp_path / 'here'}" in err
    assert f"bench data check mnist:all --data-root {tmp_path / 'here'}" in err
    assert not (tmp_path / "here").exists()


def test_check_ends_with_zero_where_all_is_well_and_with_one_where_it_is_not(bench, tmp_path):
    root = tree(tmp_path / "photos")
    status, out, err = bench("check", "folder", "--data-root", root)
    assert status == 0
    assert "No problems." in out
    assert "images: 8/8" in err
    (root / "test/dent/0.png").write_bytes(b"no image")
    status, out, _ = bench("check", "folder", "--data-root", root, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    (problem,) = (row for row in rows if row["level"] == "problem")
    assert problem["dataset"] == "folder"
    assert problem["topic"] == "images"
    assert str(root / "test/dent/0.png") in problem["items"][0]
    assert "1 problem(s)" in bench("check", "folder", "--data-root", root)[1]


def test_check_takes_settings(bench):
    _, out, _ = bench("check", "toy", "--plugins", PLUGINS, "--set", "images=7", "--set", "toy.size=16")
    assert "train: 7 images, of 2 patients: good 7" in out
    assert "16x16 pixels" in out


def test_a_category_that_cannot_be_opened_stops_no_other(bench, toy, tmp_path):
    root = toy_files(tmp_path / "files")
    status, out, _ = bench("check", f"{toy}:all", "--data-root", root, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [(row["dataset"], row["text"]) for row in rows] == [
        (f"{toy}:{category}", f"{category} is broken at {root / 'inner'}") for category in ("one", "two")
    ]
    status, _, err = bench("check", f"{toy}:one", "--data-root", root)
    assert status == 2
    assert "one is broken" in err


def test_split_prints_the_manifest_and_says_its_digest(bench, tmp_path):
    root = tree(tmp_path / "photos")
    text = manifest(open_dataset("folder", None, {}, root).split)
    status, out, err = bench("split", "folder", "--data-root", root)
    assert (status, out) == (0, text)
    assert f"SHA-256 {sha256(text.encode()).hexdigest()}" in err
    assert "folder: train 5 normal, val 1 normal, test 1 normal + 1 anomalous" in err


def test_split_writes_the_same_file_and_follows_settings(bench, tmp_path):
    root, out = tree(tmp_path / "photos"), tmp_path / "new" / "split.csv"
    status, printed, err = bench("split", "folder", "--data-root", root, "--out", out)
    assert (status, printed) == (0, "")
    assert sha256(out.read_bytes()).hexdigest() in err
    assert [f.name for f in out.parent.iterdir()] == ["split.csv"]
    _, printed, _ = bench("split", "folder", "--data-root", root)
    assert printed.encode() == out.read_bytes()
    _, printed, _ = bench("split", "folder", "--data-root", root, "--set", "validation_share=0.5")
    assert printed.count("\nval,") == 3


def test_a_split_that_cannot_be_written_is_told(bench, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = bench("split", "toy", "--plugins", PLUGINS, "--out", tmp_path / "file" / "split.csv")
    assert status == 2
    assert "cannot be written" in err
    assert "--out FILE" in err


def test_a_split_is_that_of_one_category(bench, toy, tmp_path):
    status, _, err = bench("split", f"{toy}:all", "--data-root", toy_files(tmp_path / "files"))
    assert status == 2
    assert f"Expected one category, such as {toy}:one" in err


# ------------------------------------------------------------------- one folder too high or too low


def refused(name, category, data_root):
    with pytest.raises(DataError) as caught:
        open_dataset(name, category, {}, data_root)
    return str(caught.value)


@pytest.mark.parametrize("below", ["train", "not there"])
def test_a_folder_too_low_names_the_one_above(tmp_path, below):
    root = tree(tmp_path / "my photos")
    message = refused("folder", None, root / below)
    assert f"Found at {root}: use --data-root '{root}'" in message
    assert str(root / below) in message


def test_a_folder_too_high_names_those_below(tmp_path):
    nuts, bolts = tree(tmp_path / "nuts"), tree(tmp_path / "bolts")
    message = refused("folder", None, tmp_path)
    assert f"Found at {bolts}: use --data-root {bolts}\nFound at {nuts}: use --data-root {nuts}\n" in message


def test_the_folder_to_give_is_named_and_not_the_root_below_it(toy, tmp_path):
    files = toy_files(tmp_path / "files")
    expected = f"Found at {files / 'inner'}: use --data-root {files}"
    assert expected in refused(toy, "one", tmp_path)
    assert expected in refused(toy, "one", files / "inner")
    assert "one is broken" in refused(toy, "one", files)  # right: found


def test_a_relative_folder_has_one_above_it(tmp_path, monkeypatch):
    root = tree(tmp_path / "photos")
    for inside, given in ((root / "train", "."), (root / "train" / "good", "..")):
        monkeypatch.chdir(inside)
        assert f"Found at {root}: use --data-root {root}" in refused("folder", None, Path(given))


def test_nothing_close_by_and_nothing_given_give_no_hint(tmp_path, monkeypatch):
    tree(tmp_path / "up" / "photos")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert "Found at" not in refused("folder", None, tmp_path)  # two below
    assert "Found at" not in refused("folder", None, tmp_path / "a" / "b")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "up"))
    assert "Found at" not in refused("folder", None, None)


def test_many_neighbours_are_cut_short(tmp_path):
    for i in range(7):
        (tmp_path / f"{i}" / "train").mkdir(parents=True)
        (tmp_path / f"{i}" / "test").mkdir()
    message = missing_data(find("dataset", "folder"), tmp_path)
    assert message.count("Found at") == 5
    assert "… and 2 more like it" in message
