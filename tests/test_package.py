"""What is shipped: one package at top level, plug-ins inside it, and no name of another project taken."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_holds_bench_alone_with_all_plugins(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"bench"}
    for folder in ("methods", "datasets"):
        for file in (CHECKOUT / folder).rglob("*.py"):
            assert f"bench/plugins/{file.relative_to(CHECKOUT)}" in names
    for file in (CHECKOUT / "bench" / "turing" / "page_parts").iterdir():
        assert str(file.relative_to(CHECKOUT)) in names


def test_the_wheel_carries_the_pages_of_the_report(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("assets", "templates"):
        files = [file for file in (CHECKOUT / "bench/report" / folder).rglob("*") if file.is_file()]
        assert files
        assert {file.relative_to(CHECKOUT).as_posix() for file in files} <= names


def test_the_wheel_carries_the_published_results(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    assert (tmp_path / "bench/boards/published.csv").read_bytes() == (CHECKOUT / "results/published.csv").read_bytes()
    code = "from bench.boards import published; print(published.default_file(), len(published.read()))"
    inserted = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
    done = subprocess.run([sys.executable, "-I", "-c", inserted], check=True, capture_output=True, text=True)
    file, rows = done.stdout.split()
    assert Path(file) == tmp_path / "bench/boards/published.csv"
    assert int(rows) > 300


def test_the_wheel_runs_beside_a_package_called_datasets(wheel, tmp_path):
    """Unpacked away from the checkout, with a stub of Hugging Face's package on the path."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("whose = 'theirs'")
    code = (
        f"import bench, datasets; from bench import registry; assert bench.__file__.startswith({str(tmp_path)!r});"
        "assert datasets.whose == 'theirs'; registry.load_method('fanogan'); registry.load_dataset('oct-phantom')"
    )
    subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"], check=True
    )


def test_one_version_stands_everywhere():
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (CHECKOUT / "CITATION.cff").read_text()
    assert f"\n## {version}\n" in (CHECKOUT / "CHANGELOG.md").read_text()


def test_the_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build"]
    subprocess.run([*build, "-t", "sdist", "-d", str(tmp_path)], cwd=CHECKOUT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    subprocess.run([*build, "-t", "wheel", "-d", str(tmp_path)], cwd=unpacked, check=True, capture_output=True)
    (again,) = tmp_path.glob("*.whl")
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
