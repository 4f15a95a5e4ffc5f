"""A figure on a page, in the one tab of a browser that a module of tests has."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from lessons.figures import Figure, LogView


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One tab for all figures of a module: each finds a new document in it. A new tab costs more
    than everything that most tests do with it."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def open_figure(tab: Page, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a figure of a trace as a page; at the end, nothing may have gone wrong on it."""
    complaints: list[str] = []
    watched: dict[str, Callable[[Any], None]] = {
        "pageerror": lambda error: complaints.append(f"error: {error}"),
        "console": lambda line: complaints.append(f"console: {line.text}"),
        "request": lambda asked: asked.url in opened or complaints.append(f"request: {asked.url}"),
    }
    opened: list[str] = []

    def open_page(
        trace: Any, *, width: int = 1100, kind: type[Figure] = LogView, **options: Any
    ) -> Page:
        scheme = options.pop("color_scheme", "light")
        motion = options.pop("reduced_motion", "no-preference")
        path = kind(trace, **options).save_page(tmp_path / f"{len(opened)}.html")
        opened.append(path.as_uri())
        tab.set_viewport_size({"width": width, "height": 800})
        tab.emulate_media(color_scheme=scheme, reduced_motion=motion)
        tab.mouse.move(0, 0)
        tab.goto(path.as_uri())
        tab.wait_for_selector(".oz-cell, .oz-strip, .oz-span, .oz-empty", state="attached")
        return tab

    for event, noticed in watched.items():
        tab.on(event, noticed)  # type: ignore[call-overload]
    yield open_page
    tab.goto("about:blank")  # whatever still runs, ends in this test
    for event, noticed in watched.items():
        tab.remove_listener(event, noticed)
    assert complaints == []
