"""Texts that live elsewhere in the repository, with links that fit the site.

CONTRIBUTING.md links to `site/architecture.md`, as it must where it lies; on the site that is the
page beside it. And where a text names a file of the broker, a reader of the site wants to open it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from maker.rooms import room_of

ROOT = Path(__file__).resolve().parents[2]

ON_THE_SITE = {
    "CONTRIBUTING.md": "contribute.md",
    "CHANGELOG.md": "changelog.md",
    "assignments/ecommerce/handout.md": "assignment.md",
    "lessons/01_the_log.ipynb": "lessons/01_the_log.md",
}
"""Where on the site a file of the repository is to be read."""

_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)]*)?\)")
_FILE = re.compile(r"(?<!\[)`(broker/[\w/]+\.py)`(?!\])")
_ROOM = re.compile(r"`(\w+)(?:/|\.py)`")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def document_page(path: str) -> str:
    """A document as a page; `path` is from the top of the repository."""
    text = (ROOT / path).read_text(encoding="utf-8")
    here = ON_THE_SITE[path]

    def relink(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[2]))
        # A file's name is the right word in a repository; here it is what the page is called.
        words = _title(target) if link[1] == target else link[1]
        return f"[{words}]({_to(target, here)}{link[3] or ''})"

    return _LINK.sub(relink, text)


def _title(target: str) -> str:
    first = (ROOT / target).read_text(encoding="utf-8").lstrip().splitlines()[0]
    return first.removeprefix("# ").lower()


def _to(target: str, here: str) -> str:
    """The way from a page to a file of the repository, as far as the site has it."""
    if target.startswith("site/"):
        goal = target.removeprefix("site/")
    else:
        goal = ON_THE_SITE.get(target, target)
    return posixpath.relpath(goal, posixpath.dirname(here) or ".")


def link_files(text: str, page: str) -> str:
    """Let `broker/log/log.py` in a text lead to that file's page."""
    up = "../" * page.count("/")

    def link(found: re.Match[str]) -> str:
        if not (ROOT / found[1]).exists():
            return found[0]
        return f'<a href="{up}source/{found[1][:-3]}.html"><code>{found[1]}</code></a>'

    parts = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_FILE.sub(link, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _FILE.sub(link, text[end:])])


def link_rooms(text: str) -> str:
    """Let `log/` in the description of the house lead to that room."""

    def link(found: re.Match[str]) -> str:
        room = room_of(f"broker.{found[1]}")
        return f"[{found[0]}](rooms/{room}.md)" if room else found[0]

    return _ROOM.sub(link, text)
