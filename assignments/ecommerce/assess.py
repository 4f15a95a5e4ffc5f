"""From the bytes of a file to its grade. The same bytes get the same grade, on any machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from assignments.ecommerce.checks import ordering, parallelism
from assignments.ecommerce.checks.words import not_run
from assignments.ecommerce.design import Choice, Problem, Reading, read_design
from assignments.ecommerce.rubric import FOR_READER, ORDER_POINTS, PEAK_POINTS, Part
from assignments.ecommerce.streams import NO_KEY, STREAMS, Stream
from assignments.grader.grade import Check, ForReader, Grade, Verdict
from assignments.grader.outline import OutlineError, outline

SHOWN = {
    "delivery": ("delivery",),
    "retention": ("retention",),
    "reasons": ("key", "partitions"),
}
"""The settings that a reader judges in each part of the rubric."""


def assess(data: bytes) -> Grade:
    """Grade a design."""
    reading = understand(data)
    return Grade(
        checks=(
            _check(
                "ordering", ordering.TITLE, ordering.ABOUT, ORDER_POINTS, ordering.check, reading
            ),
            _check(
                "parallelism",
                parallelism.TITLE,
                parallelism.ABOUT,
                PEAK_POINTS,
                parallelism.check,
                reading,
            ),
        ),
        for_reader=tuple(_for_reader(part, reading) for part in FOR_READER),
        problems=tuple(str(problem) for problem in reading.problems),
    )


def refuse(reason: str) -> Grade:
    """The grade of something that cannot be read at all: no points, with the reason."""
    nothing = assess(b"")
    checks = tuple(
        replace(
            check,
            verdicts=tuple(replace(each, says="Not run.", tags=()) for each in check.verdicts),
        )
        for check in nothing.checks
    )
    return replace(nothing, checks=checks, problems=(), refusal=reason)


def understand(data: bytes) -> Reading:
    """What the file says, as far as it says anything."""
    try:
        return read_design(outline(data))
    except OutlineError as error:
        problem = Problem(error.line, "", error.wrong, error.right, tuple(STREAMS))
        return Reading(problems=[problem])


def _check(
    name: str,
    title: str,
    about: str,
    points: int,
    run: Callable[[Stream, Choice], Verdict],
    reading: Reading,
) -> Check:
    verdicts = []
    for stream in STREAMS.values():
        choice = reading.choices.get(stream.name)
        verdicts.append(not_run(stream, reading, points) if choice is None else run(stream, choice))
    return Check(name, title, about, tuple(verdicts))


def _for_reader(part: Part, reading: Reading) -> ForReader:
    """The student's own words, beside the settings that they give reasons for."""
    answers = []
    for name, choice in reading.choices.items():
        for setting in SHOWN[part.name]:
            reason = choice.reasons[f"why_{setting}"] or "(no reason given)"
            answers.append(f"{name}, {setting} {_value(choice, setting)}: {reason}")
    return ForReader(part.name, part.title, part.points, part.question, tuple(answers))


def _value(choice: Choice, setting: str) -> str:
    if setting == "retention":
        return choice.retention.text
    return str(getattr(choice, setting) or NO_KEY)
