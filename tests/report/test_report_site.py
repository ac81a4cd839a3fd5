"""The web site as files: what is in it, what is escaped, what it says where images are missing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import PLUGINS
from site_records import HOSTILE, links, toy, write_run

import bench.report
from bench.errors import ConfigError
from bench.report.selection import select
from bench.report.site import build_report

VENDORED = Path(bench.report.__file__).parent / "assets/vendor"


@pytest.fixture
def build(store, silent, tmp_path):
    def build(**options):
        known = select(store, options.pop("dataset", None), silent)
        data_root = options.pop("data_root", None)
        return build_report(known, tmp_path / "site", data_root, silent, **options).parent

    return build


class Elements(HTMLParser):
    """Scripts, and all text that a reader sees."""

    def __init__(self, html):
        super().__init__()
        self.scripts, self.json, self.text, self._inside = [], [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._inside = dict(attrs) if tag == "script" else None
        if tag == "script":
            self.scripts.append(dict(attrs))

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside is None:
            self.text += data
        else:
            self.json.append(data)


def pages(site):
    return sorted(site.rglob("*.html"))


def test_every_link_leads_to_a_file(store, build):
    for method in ("a", "b"):
        write_run(store, method)
    site = build()
    assert {page.parent.name for page in pages(site)} == {"site", "data", "runs", "compare"}
    for page in pages(site):
        found = [link for link in links(page.read_text()) if not link.startswith(("#", "data:"))]
        missing = [link for link in found if not (page.parent / link.partition("#")[0]).is_file()]
        assert len(found) > 2
        assert not missing


def test_what_the_viewer_shows_is_there(store, build):
    write_run(store, "a")
    site = build()
    (page,) = (site / "runs").glob("*.html")
    views = json.loads(Elements(page.read_text()).json[-1])
    layers = [layer for view in views.values() for layer in view["layers"]]
    assert len(views) == 48
    assert {name for name, _ in layers} == {"image", "redrawn", "map", "mask"}
    assert all((page.parent / file).is_file() for _, file in layers)


def test_names_from_data_are_text_and_never_markup(store, build):
    closing = f"</script></td>{HOSTILE}"
    for method in (HOSTILE, "b"):
        write_run(store, method, dataset=HOSTILE, kinds=(closing,), ids=closing)
    site = build()
    assert len(pages(site)) == 5
    for page in pages(site):
        elements = Elements(page.read_text())
        assert HOSTILE in elements.text
        assert all("src" in script or script == {**script, "type": "application/json"} for script in elements.scripts)
        for data in elements.json:
            json.loads(data)


@pytest.mark.parametrize("changes", [{"dataset": "gone"}, {"data": toy(tested=44)}], ids=["no plug-in", "other data"])
def test_without_its_images_the_report_stands_and_says_so(store, build, silent, changes):
    record = write_run(store, "a", **changes)
    if "data" in changes:  # claims to be the data of today, which holds other images
        spec = record.spec.__class__(**{**vars(record.spec), "dataset_params": {"tested": 48, "size": 40}})
        record = store.write(record.model_copy(update={"spec": spec}), record.folder)
    site = build()
    (page,) = (site / "runs").glob("*.html")
    assert "--data-root DIR" in page.read_text()
    assert any("--data-root DIR" in text for text in silent.said)
    assert not list((site / "images").glob("*/*"))
    assert f"{record.metrics.score.auroc:.3f}" in page.read_text()


def test_a_mistyped_folder_is_named_in_the_terminal_and_on_no_page(store, build, silent, tmp_path):
    write_run(store, "a", dataset="gone")
    site = build(data_root=tmp_path / "typo")
    assert any(f"There is no folder {tmp_path / 'typo'}." in text for text in silent.said)
    assert not [page for page in pages(site) if "typo" in page.read_text()]


def test_an_image_that_cannot_be_read_costs_no_other(store, build, monkeypatch):
    data = toy()
    write_run(store, "a")
    broken = data.split.test[3].digest

    def decode(sample, channels):
        if sample.digest == broken:
            raise OSError("disk gone")
        return sample.read()[:, :, None]

    monkeypatch.setattr("bench.report.thumbnails.decode", decode)
    site = build()
    assert len(list(site.glob("images/*/*.webp"))) == 47
    (page,) = (site / "runs").glob("*.html")
    assert "1 images cannot be read" in page.read_text()


def test_marks_stand_on_every_page(store, build):
    for method in ("a", "b"):
        write_run(store, method, preset="quick")
    for page in pages(build()):
        text = page.read_text()
        assert '<span class="mark">quick</span>' in text or '"marks": ["quick", "synthetic"]' in text
        assert '<span class="mark">synthetic</span>' in text or '"marks": ["quick", "synthetic"]' in text


def test_no_picture_of_any_kind_on_request(store, build):
    write_run(store, "a")
    assert list(build().rglob("*.png"))
    site = build(most_pictures=0)
    assert not [file for file in site.rglob("*") if file.suffix in (".png", ".webp", ".jpg")]


def test_fewer_pictures_than_images(store, build):
    write_run(store, "a")
    site = build(most_pictures=20)
    assert len(list(site.glob("images/*/*.webp"))) == 20
    assert len(list(site.glob("runs/*/*-map.png"))) == 20
    (page,) = (site / "runs").glob("*.html")
    assert "Pictures of 20 of 48 images" in page.read_text()


def test_an_earlier_report_is_replaced_and_nothing_else_is(store, build, tmp_path):
    first = write_run(store, "a")
    site = build()
    (old,) = (site / "runs").glob("*.html")
    write_run(store, "b")
    (first.folder / "record.json").unlink()
    build()
    assert not old.exists()
    (site / ".bench-report").unlink()
    with pytest.raises(ConfigError, match="an empty folder or an earlier report"):
        build()
    assert (site / "index.html").is_file()


def test_one_data_set_of_several(store, build):
    write_run(store, "a")
    write_run(store, "a", dataset="gone")
    assert len(list((build(dataset="gone") / "data").iterdir())) == 1
    with pytest.raises(ConfigError, match="Did you mean gone"):
        build(dataset="gonne")


def test_the_command_needs_no_torch(store, tmp_path):
    write_run(store, "a")
    code = "import sys; sys.modules['torch'] = None; from bench.cli import main; main()"
    options = ["report", "--out", tmp_path / "site", "--results", store.root, "--plugins", PLUGINS, "--debug"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, options)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == tmp_path / "site/index.html"
    assert len(list((tmp_path / "site").glob("images/*/*.webp"))) == 48


def test_the_bundled_library_is_the_one_that_is_named():
    digest = hashlib.sha256((VENDORED / "chart.js").read_bytes()).hexdigest()
    assert digest in (VENDORED / "README.md").read_text()
    assert "MIT" in (VENDORED / "chart.LICENSE.md").read_text()


@pytest.mark.slow
def test_a_thousand_images_stay_small(store, build):
    data = toy(tested=1000, size=256)
    for method in ("a", "b", "c"):
        write_run(store, method, data=data)
    site = build()
    assert len(list(site.glob("images/*/*.webp"))) == 1000
    assert sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) < 60e6
