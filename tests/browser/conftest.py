"""A real browser for tests of web pages: headless Chromium, driven by Playwright.

``browser`` lives as long as the test session; ``page`` is a fresh context of its own for each test.
Where Chromium or Playwright is missing, tests that ask for either are skipped and say so.
"""

from __future__ import annotations

import os
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium():
    """The browser that ``BENCH_CHROMIUM`` names, or the first one on the path."""
    return os.environ.get("BENCH_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is missing: pip install playwright")
    found = chromium()
    if found is None:
        pytest.skip("Chromium is missing: install it, or name it in BENCH_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=_QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(accept_downloads=True)
    yield context.new_page()
    context.close()
