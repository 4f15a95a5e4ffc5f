"""Every link leads somewhere, and nothing that a page loads lies on another machine."""

import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

LOADS = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Links(HTMLParser):
    """What a page loads, where it leads, and the names of its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.leads: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        for place in ("id", "name"):
            if place in found and tag not in ("input", "meta"):
                self.places.add(found[place])
        for name, value in found.items():
            if (tag, name) in LOADS:
                self.loads.add(value)
            elif (tag, name) == ("a", "href"):
                self.leads.add(value)


def pages(site: Path) -> list[Path]:
    """All pages, and of those with code one room's: what holds for them holds for the rest."""
    code = site / "source"
    found = [path for path in site.rglob("*.html") if code not in path.parents]
    return sorted([*found, *(code / "broker" / "quorum").glob("*.html")])


def test_every_link_and_every_place_on_a_page_is_there(site: Path) -> None:
    known = {
        path: Links(path.read_text(encoding="utf-8"))
        for path in pages(site)
        if path.name != "404.html"  # it does not know where it will stand
    }
    broken = defaultdict(list)
    for path, links in known.items():
        for link in links.loads | links.leads:
            address, place = urldefrag(link)
            if "://" in address or address.startswith(("mailto:", "data:")):
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            if not target.exists() or (
                place and target in known and unquote(place) not in known[target].places
            ):
                broken[path.name].append(link)
    assert dict(broken) == {}


def test_nothing_is_loaded_from_another_machine(site: Path) -> None:
    outside = {
        path.name: sorted(found)
        for path in pages(site)
        if (found := {link for link in Links(path.read_text("utf-8")).loads if "//" in link})
    }
    assert outside == {}
    for sheet in (site / "assets").glob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"""@import|url\(["']?(?:\w+:)?//""", text), sheet.name
