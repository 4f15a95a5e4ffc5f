"""A grade as a page of text, for the one who wants to learn from it.

Points come first, because everybody looks for them first. Then each check says what was done to
find out, and each stream what was seen: the sentence, the records that show it, and one thought
that leads on. What several streams have in common is said once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from assignments.grader.grade import Check, Grade, Series, Verdict, shown
from assignments.grader.words import counted, harmless

WIDTH = 84
WIDTH_MIN = 40
CURVE = 30
"""How many characters a curve is wide."""
CURVE_TOP_MIN = 20
"""A curve that never rises above this looks as flat as it is."""
BLOCKS = "▁▂▃▄▅▆▇█"


class Line(NamedTuple):
    """A line of the page, and how it may be set off where colours are to be had."""

    text: str
    style: str = ""


HEADING, GOOD, POOR, QUIET = "bold", "green", "yellow", "dim"


class Page:
    """Lines, one after the other, folded to a width."""

    def __init__(self, width: int) -> None:
        self.width = max(WIDTH_MIN, width)
        self.lines: list[Line] = []

    def add(self, text: str = "", style: str = "", *, indent: int = 0, hang: int = 0) -> None:
        """A paragraph; its second line on is indented by `hang` more."""
        folded = textwrap.wrap(
            harmless(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hang),
            break_on_hyphens=False,
        )
        self.lines += [Line(line, style) for line in folded or [""]]

    def sides(self, left: str, right: str, style: str = "") -> None:
        """Something at the left edge, and something at the right."""
        if len(left) + len(right) + 2 > self.width:
            self.add(left, style)
            self.add(right, style)
            return
        gap = self.width - len(left) - len(right)
        self.lines.append(Line(left + " " * gap + right, style))


def head(grade: Grade, *, title: str, name: str, width: int = WIDTH) -> list[Line]:
    """Only the points, as they stand at the top of the page."""
    paper = Page(width)
    _head(paper, grade, title, harmless(name))
    return paper.lines


def page(grade: Grade, *, title: str, name: str, width: int = WIDTH) -> list[Line]:
    """The whole page. `title` is the assignment's, `name` that of the file."""
    paper = Page(width)
    _head(paper, grade, title, harmless(name))
    if grade.refusal:
        paper.add()
        paper.add(f"Not graded. {grade.refusal}", POOR)
        return paper.lines
    if grade.problems:
        paper.add()
        paper.add("In the file", HEADING)
        for problem in grade.problems:
            paper.add(f"- {problem}", indent=2, hang=2)
    if not grade.was_run:
        paper.add()
        paper.add("Nothing could be run yet. Mend this, and try again.", POOR)
        return paper.lines
    for check in grade.checks:
        _check(paper, check)
    _for_reader(paper, grade)
    return paper.lines


def _head(paper: Page, grade: Grade, title: str, name: str) -> None:
    right = f"{shown(grade.points)} of the {grade.out_of} points that runs give"
    paper.sides(title, right, HEADING)
    paper.sides(name, f"a reader gives up to {grade.waiting} more", QUIET)
    paper.add()
    rows = [
        (check.title, f"{shown(check.points)} of {check.out_of}", _in_short(check))
        for check in grade.checks
    ]
    rows.append(("For a reader", f"0 to {grade.waiting}", _parts(grade)))
    left = max(len(row[0]) for row in rows) + 2
    middle = max(len(row[1]) for row in rows) + 3
    for first, second, third in rows:
        paper.add(f"{first:{left}}{second:{middle}}{third}", indent=2, hang=left + middle)


def _in_short(check: Check) -> str:
    return "   ".join(f"{verdict.stream} {shown(verdict.points)}" for verdict in check.verdicts)


def _parts(grade: Grade) -> str:
    return "   ".join(f"{part.name} {part.out_of}" for part in grade.for_reader)


# -- checks ----------------------------------------------------------------------------------


def _check(paper: Page, check: Check) -> None:
    paper.add()
    paper.sides(check.title, f"{shown(check.points)} of {check.out_of}", HEADING)
    paper.add(check.about, QUIET)
    said: set[str] = set()
    for verdict in check.verdicts:
        paper.add()
        _verdict(paper, verdict, said)


def _verdict(paper: Page, verdict: Verdict, said: set[str]) -> None:
    """One stream. What was said of another stream already is not said again."""
    mark, style = ("+", GOOD) if verdict.passed else ("-", POOR)
    paper.add(
        f"{mark} {verdict.stream}   {shown(verdict.points)} of {verdict.out_of}"
        f"   {verdict.setting}",
        style,
        indent=1,
        hang=2,
    )
    paper.add(verdict.says, indent=3)
    for line in curves(verdict.series):
        paper.lines.append(Line(" " * 5 + harmless(line)))
    for line in verdict.evidence:
        paper.add(f"· {line}", indent=5, hang=2)
    for word, text in _thoughts(verdict):
        if text and text not in said:
            said.add(text)
            paper.add(f"{word:7}{text}", indent=3, hang=7)


def _thoughts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "Why", verdict.because
    yield "Think", verdict.hint
    yield "Read", verdict.lesson
    if verdict.frame is not None:
        yield (
            "See",
            f"step {verdict.frame} of the figure of {verdict.stream} (--html FILE writes it)",
        )


def curves(series: Iterable[Series]) -> list[str]:
    """How far behind services were over time, as a row of blocks each, on one scale."""
    series = list(series)
    top = max([CURVE_TOP_MIN, *(max(each.values) for each in series)])
    left = max((len(each.name) for each in series), default=0)
    return [
        f"{each.name:{left}}  {_blocks(each.values, top)}  {counted(each.values[-1], 'event')} "
        "behind at the end"
        for each in series
    ]


def _blocks(values: tuple[int, ...], top: int) -> str:
    count = min(CURVE, len(values))
    picked = [values[(number + 1) * len(values) // count - 1] for number in range(count)]
    return "".join(BLOCKS[min(len(BLOCKS) - 1, value * len(BLOCKS) // top)] for value in picked)


def _for_reader(paper: Page, grade: Grade) -> None:
    paper.add()
    paper.sides("For a reader", f"0 to {grade.waiting}", HEADING)
    paper.add(
        "No run looks at these parts yet, so nothing is said about them here. A person reads what "
        "you have written, and asks:",
        QUIET,
    )
    for part in grade.for_reader:
        paper.add()
        paper.add(f"{part.title} (up to {part.out_of})", indent=3)
        paper.add(part.question, indent=3)
