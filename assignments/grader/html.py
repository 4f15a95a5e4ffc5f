"""A grade as one HTML file, with the runs to scrub through. It needs no network and no server.

The words are those of the page of text. What a screen adds: lag drawn over time, and for each
stream the recorded run in which its order was judged, opened at the very step that the verdict
names. Everything that came from a design is escaped, and the page allows itself nothing from
outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Protocol

from assignments.grader.grade import Check, ForReader, Grade, Series, Verdict, shown
from assignments.grader.words import counted, harmless

STYLE = Path(__file__).with_name("page.css")
COLOURS = ("sage", "terracotta", "slate")
CHART = (300, 100)
"""The chart's own units; it is stretched to whatever room there is."""
TOP_MIN = 20
CODE = re.compile(r"`([^`]+)`")

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';
 script-src 'unsafe-inline'; img-src data:">
<title>$title</title>
<style>
$css
</style>
</head>
<body class="oz-grade">
<main>
$body
</main>
$data
<script type="module">
$module
// Words in cells need room: on a phone a cell has its letter, and tells the rest when it is tapped.
const wide = window.innerWidth >= 700;
for (const place of document.querySelectorAll("[data-figure]")) {
  const { trace, options } = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  mount(place, trace, { ...options, values: options.values && wide });
}
</script>
</body>
</html>
""")


class Picture(Protocol):
    """A run to scrub through."""

    @property
    def check(self) -> str:
        """To which check it belongs."""

    @property
    def stream(self) -> str:
        """And to which stream."""

    @property
    def trace(self) -> dict[str, Any]:
        """The trace, as plain data."""

    @property
    def options(self) -> dict[str, Any]:
        """How to show it."""


def html(grade: Grade, pictures: Iterable[Picture], *, title: str, name: str) -> str:
    """The page."""
    from lessons.figures.module import css, module

    runs = list(pictures)
    data = "\n".join(
        f'<script type="application/json" id="{_place(run)}">{_inline(run)}</script>'
        for run in runs
    )
    return _PAGE.substitute(
        title=_text(f"{title}: {name}"),
        css=css() + STYLE.read_text(encoding="utf-8"),
        body="\n".join(_body(grade, runs, title, name)),
        data=data,
        module=module("log_view"),
    )


def _place(run: Picture) -> str:
    return f"{run.check}-{run.stream}"


def _inline(picture: Picture) -> str:
    """JSON that cannot end the script element it stands in, whatever a record's value says."""
    data = {"trace": picture.trace, "options": picture.options}
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")


def _text(text: str) -> str:
    return escape(harmless(text))


def _prose(text: str) -> str:
    """A sentence, and what stands in it between backticks as code."""
    return CODE.sub(r"<code>\1</code>", _text(text))


def _body(grade: Grade, runs: list[Picture], title: str, name: str) -> Iterator[str]:
    yield f"<header><h1>{_text(title)}</h1><p class='file'>{_text(name)}</p>"
    yield (
        f"<p class='score'><strong>{shown(grade.points)}</strong> of the {grade.out_of} points "
        f"that runs give. A reader gives up to {grade.waiting} more.</p></header>"
    )
    if grade.refusal:
        yield f"<p class='poor'>Not graded. {_prose(grade.refusal)}</p>"
        return
    if grade.problems:
        yield "<section><h2>In the file</h2>" + _list(grade.problems) + "</section>"
    if not grade.was_run:
        yield "<p>Nothing could be run yet. Mend this, and try again.</p>"
        return
    for check in grade.checks:
        mine = {run.stream: run for run in runs if run.check == check.name}
        yield from _check(check, mine)
    yield from _for_reader(grade)


def _check(check: Check, runs: Mapping[str, Picture]) -> Iterator[str]:
    points = f"{shown(check.points)} of {check.out_of}"
    yield f"<section><h2>{_text(check.title)} <span>{points}</span></h2>"
    yield f"<p class='about'>{_text(check.about)}</p>"
    said: set[str] = set()
    for verdict in check.verdicts:
        yield from _verdict(verdict, runs.get(verdict.stream), said)
    yield "</section>"


def _verdict(verdict: Verdict, run: Picture | None, said: set[str]) -> Iterator[str]:
    kind = "good" if verdict.passed else "poor"
    points = f"{shown(verdict.points)} of {verdict.out_of}"
    yield (
        f"<article class='{kind}'><h3>{_text(verdict.stream)} <span>{points}</span> "
        f"<em>{_text(verdict.setting)}</em></h3><p>{_prose(verdict.says)}</p>"
    )
    if verdict.series:
        yield chart(verdict.series)
    if verdict.evidence:
        yield _list(verdict.evidence)
    thoughts = (("Why", verdict.because), ("Think", verdict.hint), ("Read", verdict.lesson))
    fresh = [(word, text) for word, text in thoughts if text and text not in said]
    said.update(text for _, text in fresh)
    if fresh:
        lines = (f"<dt>{word}</dt><dd>{_prose(text)}</dd>" for word, text in fresh)
        yield f"<dl>{''.join(lines)}</dl>"
    if run is not None:
        opened = " open" if verdict.frame is not None else ""
        step = f": step {verdict.frame}" if verdict.frame is not None else ""
        yield (
            f"<details{opened}><summary>The run{step}</summary>"
            f"<div class='run' data-figure='{_place(run)}'></div></details>"
        )
    yield "</article>"


def _for_reader(grade: Grade) -> Iterator[str]:
    yield f"<section><h2>For a reader <span>0 to {grade.waiting}</span></h2>"
    yield (
        "<p class='about'>No run looks at these parts yet, so nothing is said about them here. A "
        "person reads what you have written, and asks:</p>"
    )
    yield from (_part(part) for part in grade.for_reader)
    yield "</section>"


def _part(part: ForReader) -> str:
    answers = f"<ul>{_items(part.answers)}</ul>" if part.answers else ""
    return (
        f"<article><h3>{_text(part.title)} <span>up to {part.out_of}</span></h3>"
        f"<p>{_text(part.question)}</p>{answers}</article>"
    )


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{_items(lines)}</ul>"


def _items(lines: Iterable[str]) -> str:
    return "".join(f"<li>{_prose(line)}</li>" for line in lines)


# -- lag over time ---------------------------------------------------------------------------


def chart(series: Iterable[Series]) -> str:
    """How far behind each service was, second by second.

    The lines are stretched to the width there is, and the words around them are not: they are HTML,
    and stay as large as all other words.
    """
    series = list(series)
    top = max([TOP_MIN, *(max(each.values) for each in series)])
    last = max(len(each.values) for each in series) - 1
    lines = "".join(_line(each, top, last, COLOURS[place % len(COLOURS)])
                    for place, each in enumerate(series))  # fmt: skip
    names = "".join(
        f"<li class='{COLOURS[place % len(COLOURS)]}'>{_text(each.name)} "
        f"<span>{counted(each.values[-1], 'event')} behind at the end</span></li>"
        for place, each in enumerate(series)
    )
    wide, high = CHART
    return (
        f"<figure class='lag'><figcaption>Events behind, over the minute</figcaption>"
        f"<div class='plot'><span class='top'>{top}</span><span class='zero'>0</span>"
        f"<svg viewBox='0 0 {wide} {high}' preserveAspectRatio='none' aria-hidden='true'>"
        f"{lines}</svg></div>"
        f"<div class='time' aria-hidden='true'><span>0 s</span><span>{last} s</span></div>"
        f"<ul class='names'>{names}</ul></figure>"
    )


def _line(series: Series, top: int, last: int, colour: str) -> str:
    wide, high = CHART
    points = " ".join(
        f"{second * wide // last},{high - value * high // top}"
        for second, value in enumerate(series.values)
    )
    return f"<polyline class='{colour}' points='{points}'/>"
