"""One look: the lesson's own small parts (charts, questions, verdicts) beside the figures.

Colours and faces are the custom properties that the figures use; what is said here is only
layout. Every piece of HTML that a lesson shows carries the style sheet with it, so that a
saved notebook, a static page and a browser without a kernel show the same thing.
"""

from __future__ import annotations

from pathlib import Path

from lessons.figures.module import tokens

_LESSONS = Path(__file__).parent

CSS = tokens() + (_LESSONS / "lesson.css").read_text(encoding="utf-8")


def styled(html: str) -> str:
    """A piece of HTML with the style it needs."""
    return f"<style>{CSS}</style>{html}"


class Reading:
    """A style for the whole page of a notebook; see `for_reading`."""

    def __repr__(self) -> str:
        return "Ready. Run the cells one by one."

    def _repr_html_(self) -> str:
        rules = (_LESSONS / "reading.css").read_text(encoding="utf-8")
        return f"<style>{rules}</style>{self!r}"


def for_reading() -> Reading:
    """Lines short enough to read: a wide window would stretch them over the whole screen."""
    return Reading()
