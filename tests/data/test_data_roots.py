"""``--data-root``: one folder for all data sets, or one for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import run
from bench.data.opening import places
from bench.data.roots import DataRoots, root_of
from bench.errors import ConfigError, DataError


def test_a_named_folder_is_for_that_data_set_alone():
    roots = DataRoots.parse(["/all", "mnist=/digits", "oct=/scans", "mnist=/newer"])
    assert [roots.of(name) for name in ("mnist", "oct", "lag")] == [Path("/newer"), Path("/scans"), Path("/all")]
    assert DataRoots.of_names(roots.as_names()) == roots


def test_without_a_default_the_usual_places_are_looked_at(monkeypatch):
    monkeypatch.setenv("BENCH_DATA", "/usual")
    roots = DataRoots.parse(["mnist=/digits"])
    assert places("mnist", roots) == [Path("/digits"), Path("/digits/mnist")]
    assert places("oct", roots) == places("oct", None)
    assert Path("/usual/oct") in places("oct", roots)


def test_an_equals_sign_in_a_folder_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run=3").mkdir()
    assert DataRoots.parse(["run=3"]).of("mnist") == Path("run=3")
    assert DataRoots.parse(["/data/run=3"]).of("mnist") == Path("/data/run=3")


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ConfigError, match=r"Unknown data set 'mnits'. Did you mean .*mnist.*NAME=DIR"):
        DataRoots.parse(["mnits=/digits"])


def test_a_plain_folder_is_for_all():
    assert root_of(Path("/all"), "mnist") == Path("/all")
    assert root_of(None, "mnist") is None


def test_python_takes_folders_by_name(tmp_path):
    with pytest.raises(DataError, match=f"Looked in:\n  {tmp_path / 'gone'} \\(not there\\)"):
        run("intensity", "mnist:1", data_root={"mnist": tmp_path / "gone"}, preset="quick", results=tmp_path)
    with pytest.raises(ConfigError, match=r"Unknown option of the executor 'local' 'worker'\. Did you mean workers"):
        run("intensity", "toy", options={"worker": 2}, preset="quick", results=tmp_path)
