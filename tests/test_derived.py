"""Derived folders: built once by whoever comes first, whole, and without a trace of those who were killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest

from bench.derived import ensure_built


def fine(folder):
    return None


def slowly(folder):
    (folder / "half").write_text("")
    time.sleep(60)


def _build(root, build, wait):
    ensure_built(root, build, fine, wait)


@pytest.fixture
def killed(tmp_path):
    """The place of a folder whose builder was killed in the middle."""
    root = tmp_path / "images" / "abc"
    process = multiprocessing.get_context("fork").Process(target=_build, args=(root, slowly, lambda: None))
    process.start()
    while not list(root.parent.glob(".building-*/half")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return root


def test_what_a_killed_process_left_is_swept_up_by_the_next(killed):
    ensure_built(killed, lambda folder: (folder / "whole").write_text(""), fine, lambda: None)
    assert [path.name for path in killed.parent.iterdir()] == ["abc"]
    assert [path.name for path in killed.iterdir()] == ["whole"]


def test_it_is_built_once_and_others_wait(tmp_path):
    root, waited = tmp_path / "images" / "abc", []

    def build(folder):
        (folder / "builder").write_text(str(os.getpid()))
        time.sleep(2)

    other = multiprocessing.get_context("fork").Process(target=_build, args=(root, build, lambda: None))
    other.start()
    while not list(root.parent.glob(".building-*/builder")):
        time.sleep(0.02)
    ensure_built(root, build, fine, lambda: waited.append(1))
    other.join()
    assert (root / "builder").read_text() == str(other.pid)
    assert waited


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise OSError("No space left on device")

    root = tmp_path / "images" / "abc"
    with pytest.raises(OSError, match="No space left"):
        ensure_built(root, fail, fine, lambda: None)
    assert list(root.parent.iterdir()) == []
