"""A lesson as a page: its notebook, run here and now, written as Markdown by nbconvert.

Notebooks are committed without outputs, so the runs are made when the site is built. They take
place in virtual time and are the same on every machine. What is measured on a real machine (a cell
tagged `nbval-ignore-output`) is not run: `recorded.json` holds what one machine once said, and the
page names that machine. `python -m maker.record` records it anew.

A question and the answer to it stand in two cells. On the page the question comes to life by
`assets/site.js`, which keeps the next run folded until there is a guess.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import MarkdownExporter
from nbconvert.preprocessors import Preprocessor

from lessons import disk
from lessons.figures.widget import Figure
from lessons.predict import Prediction
from lessons.style import Reading
from maker.figures import figure_html, question_html

RECORDED = Path(__file__).resolve().parent.parent / "recorded.json"
MEASURES = "nbval-ignore-output"
"""The tag of a cell whose output depends on the machine."""

NOTE = """\
!!! note "To read, or to run"
    This is the lesson to read: its figures play, and its questions wait for your guess. To change
    its code and do its exercises, run `make lab`, which opens the same lesson as a notebook.
"""

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_FOLDED = re.compile(r"^<details>$", re.MULTILINE)

Cell = Any
"""A cell of a notebook, as nbformat gives it."""


@dataclass
class Lesson:
    """The page, and the traces that its figures are drawn from."""

    markdown: str = ""
    traces: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Ran:
    """What a cell printed, and the value of its last line."""

    printed: str = ""
    value: object = None


def lesson_page(path: Path) -> Lesson:
    """Run a lesson's notebook and make a page of it."""
    lesson = Lesson()
    notebook = nbformat.read(path, as_version=4)
    exporter = MarkdownExporter(preprocessors=[Running(lesson, path.stem)])
    text, _ = exporter.from_notebook_node(notebook)
    lesson.markdown = with_note(_FOLDED.sub('<details markdown="1">', text)).strip() + "\n"
    return lesson


def with_note(text: str) -> str:
    """The note goes below what the lesson is called and how long it takes."""
    blocks = text.strip().split("\n\n")
    return "\n\n".join([*blocks[:2], NOTE.rstrip(), *blocks[2:]])


class Running(Preprocessor):
    """The step of nbconvert in which cells get their outputs."""

    def __init__(self, lesson: Lesson, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lesson = lesson
        self.name = name

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run all cells in order, and only then show: a question learns its answer later on."""
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        ran = dict(zip((cell.id for cell in cells), run_cells(cells, recorded()), strict=True))
        question = ""
        for cell in cells:
            shown = self._shown(cell, ran[cell.id])
            if isinstance(ran[cell.id].value, Prediction):
                question = cell.id
                # The words are in the question itself; the code around them only asks it.
                cell.metadata["transient"] = {"remove_source": True}
            elif shown and question:
                shown = f'<div class="run" data-waits-for="{question}">{shown}</div>'
                question = ""
            cell.outputs = [_output(shown)] if shown else []
        return nb, resources

    def _shown(self, cell: Cell, ran: Ran) -> str:
        parts = [f'<pre class="printed">{escape(ran.printed.rstrip())}</pre>'] * bool(ran.printed)
        if MEASURES in cell.metadata.get("tags", []):
            note = f"Recorded on {recorded()['machine']}. On yours the numbers will differ."
            parts.insert(0, f'<p class="recorded">{escape(note)}</p>')
        parts.append(self._value(cell.id, ran.value))
        return "".join(parts)

    def _value(self, cell_id: str, value: object) -> str:
        if value is None or isinstance(value, Reading):
            return ""
        if isinstance(value, Figure):
            name = f"{self.name}-{cell_id}"
            self.lesson.traces[name] = value.trace
            return figure_html(name, value)
        if isinstance(value, Prediction):
            return question_html(cell_id, value)
        if html := getattr(value, "_repr_html_", None):
            return _STYLE.sub("", html())
        return f"<pre>{escape(repr(value))}</pre>"


def _output(html: str) -> Any:
    return nbformat.v4.new_output("display_data", {"text/html": html})


# -- running --------------------------------------------------------------------------------------


def run_cells(cells: list[Cell], known: dict[str, Any] | None) -> Iterator[Ran]:
    """Run cells one after the other in one namespace; None runs also those that measure."""
    names: dict[str, Any] = {"__name__": "__lesson__"}
    for cell in cells:
        if known is None or MEASURES not in cell.metadata.get("tags", []):
            yield run_cell(cell.source, names)
        elif "report" in known[cell.id]:
            with measured(known[cell.id]["report"]):
                yield run_cell(cell.source, names)
        else:
            said = known[cell.id]
            names["guess"].reveal(said["answer"], said["because"])
            yield Ran(said["printed"])


def run_cell(source: str, names: dict[str, Any]) -> Ran:
    """What IPython does with a cell, as far as a lesson needs it."""
    *body, last = ast.parse(source).body
    printed = StringIO()
    value = None
    if not isinstance(last, ast.Expr):
        body.append(last)
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return Ran(printed.getvalue(), value)


def recorded() -> dict[str, Any]:
    """What one machine once measured, by the id of the cell."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


@contextmanager
def measured(report: dict[str, Any]) -> Iterator[None]:
    """Let the lesson's measurement of the disk give a recorded report."""
    speeds = zip(disk.FLUSHES, report["appended"], report["scattered"], strict=True)
    known = disk.DiskReport(
        tuple(disk.Speed(flush, first, second) for flush, first, second in speeds),
        report["filesystem"],
        report["seconds"],
    )
    real: Callable[..., disk.DiskReport] = disk.measure_this_disk
    disk.measure_this_disk = lambda *_, **__: known
    try:
        yield
    finally:
        disk.measure_this_disk = real
