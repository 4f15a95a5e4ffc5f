"""Every page in a browser, opened from the disk: quiet, narrow enough for a phone, open to all."""

from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
PHONE, DESK = 400, 1600

# One page of each kind, and of those a short one: contrast is measured word by word.
KINDS = (
    "index.html",
    "lessons/01_the_log.html",
    "teach.html",
    "rooms/replication.html",
    "reference/figures.html",
    "settings.html",
    "source/broker/__main__.html",
)

FIND = """async () => {
  const found = await axe.run(document, {
    preload: false, resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
  });
  return found.violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join("; ")}`);
}"""


def pages(site: Path) -> list[str]:
    """All pages, and of those with code three."""
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    code = [name for name in names if name.startswith("source/")]
    # The page for a wrong address cannot know where it will stand; it is tested with a server.
    return [name for name in names if name not in {*code, "404.html"}] + code[:3]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone_or_has_a_complaint(
    site: Path, open_page: Callable[..., Page], theme: str
) -> None:
    names = pages(site)
    half = names[len(names) // 2 :] if theme == "dark" else names[: len(names) // 2]
    page = open_page("about:blank", width=PHONE, color_scheme=theme)
    wide = []
    for name in half:
        page.goto((site / name).as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > PHONE:
            wide.append(name)
    assert wide == []


@pytest.mark.parametrize(("theme", "width"), [("light", DESK), ("dark", PHONE)])
def test_no_kind_of_page_shuts_anybody_out(
    site: Path, open_page: Callable[..., Page], theme: str, width: int
) -> None:
    page = open_page("about:blank", width=width, color_scheme=theme)
    barriers = {}
    for name in KINDS:
        page.goto((site / name).as_uri())
        page.evaluate(AXE)
        if found := page.evaluate(FIND):
            barriers[name] = found
    assert barriers == {}
