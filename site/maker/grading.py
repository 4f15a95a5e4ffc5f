"""What the page for instructors shows of the grader: a graded design, and the names of mistakes."""

from __future__ import annotations

from pathlib import Path

from assignments.ecommerce.assess import assess, understand
from assignments.ecommerce.pictures import pictures
from assignments.ecommerce.rubric import TAGS
from assignments.grader.cli import TITLE
from assignments.grader.html import html

SAMPLE = Path(__file__).resolve().parents[2] / "assignments/ecommerce/samples/flawed-no-key.yaml"


def graded_design() -> str:
    """The page that `grade try --html` writes for a flawed sample: it is graded here and now."""
    data = SAMPLE.read_bytes()
    grade = assess(data)
    return html(grade, pictures(understand(data).choices, grade), title=TITLE, name=SAMPLE.name)


def misconceptions() -> str:
    """What designs get wrong, by the name that stands in results."""
    rows = "".join(f"<dt><code>{tag}</code></dt><dd>{what}</dd>" for tag, what in TAGS.items())
    return f'<dl class="names">{rows}</dl>'
