"""The broker's code as pages, so that a docstring and the code below it are one click apart.

These pages are plain HTML and no Markdown: a hundred files need neither a sidebar nor a search
index, and what reads them is the same eye that reads an editor. They take their colours from the
theme that was chosen on the site.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from maker.rooms import ROOMS, room_of

ROOT = Path(__file__).resolve().parents[2]

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$path · offset-zero</title>
<link rel="icon" href="${up}assets/images/favicon.png">
<link rel="stylesheet" href="${up}assets/fonts.css">
<link rel="stylesheet" href="${up}assets/figures.css">
<link rel="stylesheet" href="${up}assets/source.css">
</head>
<body data-md-color-scheme="default">
<script>
// The theme that was chosen on the site, or else the system's.
const kept = localStorage.getItem(new URL("$up.", location).pathname + ".__palette");
const dark = kept ? JSON.parse(kept).color?.scheme === "slate"
  : matchMedia("(prefers-color-scheme: dark)").matches;
document.body.dataset.mdColorScheme = dark ? "slate" : "default";
</script>
<header>
<nav aria-label="Site"><a href="${up}index.html">offset-zero</a>$room</nav>
<h1>$path</h1>
<p>$lines lines</p>
</header>
<main tabindex="0" aria-label="$path">
$code
</main>
</body>
</html>
""")


def source_files() -> Iterator[str]:
    """Every file of the broker, by its path in the repository."""
    for path in sorted((ROOT / "broker").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix()


def page_of(path: str) -> str:
    """Where the page of a file lies."""
    return f"source/{path.removesuffix('.py')}.html"


def source_page(path: str) -> str:
    """A file as a page, with line numbers that can be linked to."""
    text = (ROOT / path).read_text(encoding="utf-8")
    formatter = HtmlFormatter(linenos="inline", lineanchors="line", anchorlinenos=True)
    up = "../" * page_of(path).count("/")
    return _PAGE.substitute(
        path=escape(path),
        up=up,
        room=_room(path, up),
        lines=len(text.splitlines()),
        code=highlight(text, PythonLexer(stripnl=False), formatter),
    )


def _room(path: str, up: str) -> str:
    room = room_of(path.removesuffix(".py").replace("/", "."))
    if room not in {each.name for each in ROOMS}:
        return ""
    return f' <a href="{up}rooms/{room}.html">the room {room}</a>'
