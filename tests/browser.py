"""A headless Chromium for the tests of pages, where there is one."""

import contextlib
import shutil
from collections.abc import Iterator

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator:
    """Playwright's browser; tests that want it are skipped where it is missing, saying so."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if not path:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # its sandbox refuses to run as root, which it is in containers
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
