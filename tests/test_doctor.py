"""What ``bench doctor`` says of this machine."""

from __future__ import annotations

import os

from bench.doctor import examine
from bench.files import cache_folder
from bench.images import images_folder


def test_decoded_images_are_named_with_their_size(run_toy, store):
    run_toy("intensity")
    (pixels, *_) = images_folder().rglob("pixels.u8")
    os.truncate(pixels, 3 * 2**30)  # sparse: it takes no room
    found = [finding.text for finding in examine(None, store.root) if finding.topic == "cache"]
    assert found[0] == f"{cache_folder()} can be written"
    assert found[1].startswith(f"{images_folder()} holds 3.0 GiB of decoded images; may be deleted")


def test_an_empty_cache_is_no_trouble(store):
    (_, images) = [finding for finding in examine(None, store.root) if finding.topic == "cache"]
    assert (images.level, "holds 0.0 GiB" in images.text) == ("ok", True)


def test_a_cache_that_cannot_be_is_told(store, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    (found,) = [finding for finding in examine(None, store.root) if finding.topic == "cache"]
    assert found.level == "stops"
    assert found.text.startswith(
        f"The cache folder {tmp_path / 'file'} cannot be written (File exists). Set BENCH_CACHE"
    )
