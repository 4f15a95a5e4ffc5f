"""What mkdocs calls while it builds the site. It brings in the pages that are made (see `maker`).

Nothing is written into `docs_dir`: a made page exists only in the build.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from maker import (
    documents,
    failover,
    figures,
    grading,
    home,
    lesson,
    npm,
    protocol,
    quorum,
    rooms,
    settings,
    source,
)
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ("lessons/01_the_log",)
DOCUMENTS = ("CONTRIBUTING.md", "CHANGELOG.md", "assignments/ecommerce/handout.md")
MEASURED = ROOT / "benchmarks" / "last.json"
"""The benchmarks' page is made from it; as long as nobody has measured, there is none."""
BOOSTS = {"lessons": 2, "reference": 0.5}
"""Whoever searches for a word of Kafka's wants it explained first, and used second."""

MANY = 4
"""So many columns of numbers are too many for a phone beside the words that they are about."""

_TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
_EMPTY_HEAD = re.compile(r"<thead>\s*<tr>(?:\s*<th[^>]*></th>)+\s*</tr>\s*</thead>\s*")
_CORNER = re.compile(r"(<thead>\s*<tr>\s*)<th[^>]*></th>")
_FROM_DISK = '<script>location.protocol === "file:" && location.replace("index.html")</script>'
_NO_SUCH_PAGE = """<h1>There is no such page</h1>
<p>404: nothing stands at this address. It may have moved; the search above finds it, or begin
<a href="/index.html">at offset zero</a>.</p>"""
_UNNAMED = {
    'data-md-component="search" role="dialog"': 'aria-label="Search"',
    'type="checkbox" id="__search"': 'aria-label="Search"',
    'type="checkbox" id="__drawer"': 'aria-label="Navigation"',
}
"""What the theme leaves without a name for screen readers, and what to add."""


def on_config(config: Any) -> Any:
    """Give the rooms their places in the navigation; take out what is not there yet."""
    config.nav = _navigation(config.nav, () if MEASURED.exists() else ("benchmarks.md",))
    return config


def _navigation(entries: list[Any], missing: tuple[str, ...]) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        title, inside = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if inside == "ROOMS":
            kept.append({title: [{room.name: room.page} for room in rooms.ROOMS]})
        elif isinstance(inside, list):
            kept.append({title: _navigation(inside, missing)})
        elif inside not in missing:
            kept.append(entry)
    return kept


def on_files(files: Files, config: Any) -> Files:
    """Add what is made: style, faces, scripts, traces, pages."""
    for name, text in {**_assets(), **_pages(), **_examples()}.items():
        files.append(File.generated(config, name, content=text))
    for face in npm.found():
        name = f"assets/fonts/{face.file}"
        files.append(File.generated(config, name, abs_src_path=str(face.path)))
    return files


def _assets() -> dict[str, str]:
    return {
        "assets/fonts.css": npm.css(),
        "assets/iframe-worker.js": npm.search_script(),
        "assets/figures.css": figures.style(),
        "assets/figures.js": figures.script(),
    }


def _pages() -> dict[str, str]:
    opening = home.home_figure()
    made = {
        f"assets/traces/{failover.TRACE}.js": figures.trace_script(failover.TRACE, _failover()),
        "assets/traces/home.js": figures.trace_script("home", opening.trace),
        "protocol.md": protocol.protocol_page(),
        "settings.md": settings.settings_page(),
        "quorum.md": quorum.quorum_page(),
        **{room.page: rooms.room_page(room) for room in rooms.ROOMS},
        **_lessons(),
    }
    for path in DOCUMENTS:
        made[documents.ON_THE_SITE[path]] = documents.document_page(path)
    if MEASURED.exists():
        # Its chapters begin with the words of the benchmarks themselves, which import much.
        made["benchmarks.md"] = importlib.import_module("benchmarks.report").markdown()
    return made


@cache
def _failover() -> dict[str, Any]:
    return failover.recorded()


def _examples() -> dict[str, str]:
    """Pages of plain HTML, outside of the theme."""
    code = {source.page_of(path): source.source_page(path) for path in source.source_files()}
    return {"graded-design.html": grading.graded_design(), **code}


def _lessons() -> dict[str, str]:
    made: dict[str, str] = {}
    for name in LESSONS:
        page = lesson.lesson_page(ROOT / f"{name}.ipynb")
        made[f"{name}.md"] = page.markdown
        for trace, data in page.traces.items():
            made[f"assets/traces/{trace}.js"] = figures.trace_script(trace, data)
    return made


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Files that a text names lead to their pages, and the first page gets its figure."""
    name = page.file.src_uri
    page.meta.setdefault("search", {"boost": BOOSTS.get(name.split("/")[0], 1)})
    if name == "index.md":
        figure = figures.figure_html("home", home.home_figure(), plays=True)
        markdown = markdown.replace("<!-- figure -->", figure)
    if name == "failover.md":
        markdown = markdown.replace("<!-- failover -->", failover.story(_failover()))
    if name == "architecture.md":
        markdown = documents.link_rooms(markdown)
    markdown = markdown.replace("<!-- misconceptions -->", grading.misconceptions())
    return documents.link_files(markdown, name)


def on_page_content(html: str, page: Page, config: Any, files: Files) -> str:
    """No empty heads on tables; wide tables scroll by themselves."""
    html = _CORNER.sub(r"\1<td></td>", _EMPTY_HEAD.sub("", html))
    return _TABLE.sub(_scrolling, html)


def _scrolling(table: re.Match[str]) -> str:
    """A table in a frame of its own; one of figures may put its words above them on a phone."""
    head, _, _ = table[1].partition("</thead>")
    kind = "rows numbers" if head.count("text-align: right") >= MANY else "rows"
    return f'<div class="wide"><table class="{kind}">{table[1]}</table></div>'


def on_post_page(output: str, page: Page, config: Any) -> str:
    """Name what the theme leaves unnamed."""
    return _named(output)


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """The same, on the page that says that there is no such page."""
    if template_name != "404.html":
        return output
    # Its links begin at the server's root, as it stands at any depth. A disk has no such root.
    html = _named(output).replace('<meta charset="utf-8">', f'<meta charset="utf-8">{_FROM_DISK}')
    return html.replace("<h1>404 - Not found</h1>", _NO_SUCH_PAGE)


def _named(html: str) -> str:
    for unnamed, name in _UNNAMED.items():
        html = html.replace(unnamed, f"{unnamed} {name}")
    return html
