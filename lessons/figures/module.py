"""Many small JavaScript files, one module.

A figure's source is split into parts that each fit on a few screens and `import` one another, as
ES modules do; a browser can load them just so. A widget host takes exactly one module. The step
between the two is deliberately too small to be called a build: put the parts one after the other,
each after those it imports, and leave out the lines that import and the word `export`.

That works as long as two rules hold, which the tests check: an import of a part is one statement
`import { names } from "./part.js";`, and no two parts of a figure use one top-level name.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

WEB = Path(__file__).parent / "web"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


@cache
def module(name: str) -> str:
    """The figure `web/NAME.js` with all its parts, as one ES module."""
    texts = [_source(part) for part in parts(name)]
    inner = [_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts[:-1]]
    return "\n".join([*inner, _IMPORT.sub("", texts[-1])])


def parts(name: str) -> list[str]:
    """The parts of a figure, each after those that it imports; the figure itself is the last."""
    ordered: list[str] = []

    def add(part: str) -> None:
        if part not in ordered:
            for needed in _IMPORT.findall(_source(part)):
                add(needed)
            ordered.append(part)

    add(name)
    return ordered


@cache
def css() -> str:
    """The style of every figure: the shared tokens, the frame, and what stands on a stage."""
    sheets = ("tokens.css", "figure.css", "scrubber.css", "stage.css", "timeline.css")
    return "\n".join((WEB / sheet).read_text(encoding="utf-8") for sheet in sheets)


@cache
def tokens() -> str:
    """Colours, faces and sizes as CSS custom properties; the site and the notebooks share them."""
    return (WEB / "tokens.css").read_text(encoding="utf-8")


def _source(part: str) -> str:
    return (WEB / f"{part}.js").read_text(encoding="utf-8")
