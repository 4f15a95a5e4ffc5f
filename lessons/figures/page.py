"""A figure as one HTML file that needs nothing else: no server, no kernel, no network.

The page carries the module, the style and the trace, and calls `mount`, which every figure's
module exports for pages. The course site does the same with files beside the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from string import Template
from typing import Any

from lessons.figures.fold import Trace
from lessons.figures.module import css, module

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$css
body { margin: 0; padding: clamp(0px, 2vw, 24px); background: var(--oz-background); }
:root { color-scheme: light dark; }
</style>
</head>
<body>
<main id="figure"></main>
<noscript><pre>$text</pre></noscript>
<script type="application/json" id="trace">$trace</script>
<script type="application/json" id="options">$options</script>
<script type="module">
$module
const read = (id) => JSON.parse(document.getElementById(id).textContent);
globalThis.figure = mount(document.getElementById("figure"), read("trace"), read("options"));
</script>
</body>
</html>
""")


def page(figure: str, trace: Trace, options: Mapping[str, Any], text: str = "") -> str:
    """The figure `web/FIGURE.js` of a trace as a page; `text` is for readers without scripts."""
    return _PAGE.substitute(
        title=escape(str(options.get("title") or "A run of the broker")),
        css=css(),
        text=escape(text),
        trace=_inline(trace),
        options=_inline(dict(options)),
        module=module(figure),
    )


def _inline(data: object) -> str:
    """JSON that cannot end the script element it stands in, whatever a record's value says."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")
