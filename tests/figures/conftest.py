"""A browser for the tests of figures: Debian's Chromium, driven by Playwright.

The browser lives as long as a module of tests, not longer: while Playwright's synchronous interface
is open, an event loop counts as running in this thread, and other tests have loops of their own.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lessons.figures import Figure, LogView

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. Root installs it where there is none; others are told how to."""
    path = _find()
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], check=False, capture_output=True)
        path = _find()
    if path is None:
        pytest.skip("needs chromium (apt install chromium)")
    return path


def _find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_figure(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a figure of a trace as a page; at the end, nothing may have gone wrong on it."""
    complaints: list[str] = []
    pages: list[Page] = []

    def open_page(
        trace: Any, *, width: int = 1100, kind: type[Figure] = LogView, **options: Any
    ) -> Page:
        look = {name: options.pop(name) for name in ("color_scheme", "reduced_motion")
                if name in options}  # fmt: skip
        path = kind(trace, **options).save_page(tmp_path / f"{len(pages)}.html")
        page = browser.new_page(viewport={"width": width, "height": 800}, **look)
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda line: complaints.append(f"console: {line.text}"))
        page.on("request", lambda asked: asked.url == path.as_uri()
                or complaints.append(f"request: {asked.url}"))  # fmt: skip
        page.goto(path.as_uri())
        page.wait_for_selector(".oz-cell, .oz-strip, .oz-span, .oz-empty", state="attached")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []
