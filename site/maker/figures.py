"""A figure on a page: a placeholder with the figure in words, a trace, and the shared module.

A page may be opened from a disk, where a browser loads neither ES modules nor JSON. Ordinary
scripts it does load. So the figures' module becomes one such script, each trace another, and
`assets/site.js` puts them together. Without JavaScript the words remain, and say the same.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

from lessons.figures import css, module
from lessons.figures.widget import Figure
from lessons.predict import MODULE as PREDICT
from lessons.predict import Prediction

LESSON_CSS = Path(__file__).resolve().parents[2] / "lessons" / "lesson.css"

_EXPORTS = re.compile(r"^export (?:default )?\{[^}]*\};\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def style() -> str:
    """The colours and faces, the figures, and a lesson's smaller parts, as one sheet."""
    return css() + LESSON_CSS.read_text(encoding="utf-8")


def script() -> str:
    """The figures and the questions as one script that needs no module loader."""
    parts = (
        ("log_view", module("log_view"), "{ mount, pageModel }"),
        ("cluster_view", module("cluster_view"), "{ mount }"),
        ("timeline", module("timeline"), "{ mount }"),
        ("predict", PREDICT, "{ render }"),
    )
    wrapped = (
        f"offsetZero.{name} = (() => {{\n{_plain(text)}\nreturn {gives};\n}})();\n"
        for name, text, gives in parts
    )
    return '"use strict";\n' + "\n".join(wrapped)


def _plain(text: str) -> str:
    return _EXPORT.sub("", _EXPORTS.sub("", text + "\n"))


def trace_script(name: str, trace: dict[str, Any]) -> str:
    """A trace as a script: it calls `offsetZero.trace(name, data)`."""
    data = json.dumps(trace, separators=(",", ":"), ensure_ascii=False)
    return f"offsetZero.trace({json.dumps(name)}, {data});\n"


def figure_html(name: str, figure: Figure, *, plays: bool = False) -> str:
    """Where a figure will stand; `plays` lets it begin by itself, for who minds no movement."""
    options = {
        "title": figure.title,
        "subtitle": figure.subtitle,
        "start": figure.start,
        "speed": figure.speed,
        "moments": figure.moments,
        **figure.options,
    }
    attributes = {
        "class": "run-figure",
        "data-figure": figure.kind,
        "data-trace": name,
        "data-options": _json(options),
    }
    if plays:
        attributes["data-plays"] = "yes"
    words = f'<pre tabindex="0">{escape(figure.text)}</pre>'
    return f"<div data-search-exclude {_attributes(attributes)}>{words}</div>"


def question_html(name: str, question: Prediction) -> str:
    """A question with its answer, which the page keeps to itself until there is a guess."""
    values = {
        "question": question.question,
        "options": list(question.options),
        "choice": "",
        "answer": question.answer,
        "because": question.because,
    }
    attributes = {"class": "guess", "data-guess": name, "data-values": _json(values)}
    choices = " · ".join(question.options)
    words = f"<p><strong>{escape(question.question)}</strong> {escape(choices)}</p>"
    return f"<div {_attributes(attributes)}>{words}</div>"


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in values.items())


def _json(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
