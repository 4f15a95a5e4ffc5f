"""The runs behind a grade, with their traces, for those who want to see it happen.

A grade is made without traces, because they double its cost. A run with one is the same run, so the
step that a verdict names is the frame that shows it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from assignments.ecommerce.checks import ordering
from assignments.ecommerce.checks.words import run_partitions
from assignments.ecommerce.design import Choice
from assignments.ecommerce.stage import Performance, perform, range_assignment
from assignments.ecommerce.streams import STREAMS
from assignments.ecommerce.workload import SECOND_US
from assignments.grader.grade import Grade, Verdict

CHECK = "ordering"
"""The one whose runs make a picture."""

STRIPS_MAX = 4
"""Two strips tell the story, and two more that there are others."""


class Picture(NamedTuple):
    """A trace, and how to show it: what `lessons.figures` calls its options."""

    check: str
    stream: str
    trace: dict[str, Any]
    options: dict[str, Any]


def pictures(choices: dict[str, Choice], grade: Grade) -> list[Picture]:
    """The run of each stream for the question of order."""
    [check] = [each for each in grade.checks if each.name == CHECK]
    return [
        _picture(choices[verdict.stream], verdict) for verdict in check.verdicts if verdict.was_run
    ]


def _picture(choice: Choice, verdict: Verdict) -> Picture:
    accident = "order-by-accident" in verdict.tags
    partitions = ordering.other_number(choice) if accident else run_partitions(choice)
    play = ordering.play(STREAMS[verdict.stream], choice, partitions)
    performance = perform(play, trace=True)
    assert performance.trace is not None
    found = ordering.inversions(performance)
    options: dict[str, Any] = {
        "title": "Out of order" if found else "In order",
        "subtitle": _subtitle(performance, found),
        "partitions": _strips(performance, found),
        "focus": _focus(performance, found),
        "values": True,
        "moments": _moments(performance, found),
        "start": found[0].seen.step if found else _middle(performance),
    }
    return Picture(CHECK, verdict.stream, performance.trace.to_dict(), options)


def _subtitle(performance: Performance, found: list[ordering.Inversion]) -> str:
    stream = performance.play.stream
    if not found:
        return f"{stream.slowest.name} is held up, and whatever belongs together waits together"
    first = found[0]
    ahead, behind = performance.written[first.later], performance.written[first.earlier]
    name = f"{stream.entity_name} {ahead.event.fields[stream.entity]}"
    topic = performance.play.choice.topic
    return (
        f"{name}: offset {ahead.offset} of {topic}-{ahead.partition} is handled before "
        f"offset {behind.offset} of {topic}-{behind.partition}"
    )


def _strips(performance: Performance, found: list[ordering.Inversion]) -> list[str]:
    """The partitions to show: those in which it happened on top, then those with most events."""
    topic, count = performance.play.choice.topic, performance.play.partitions
    places = [each.partition for each in performance.written if each.partition is not None]
    shown: dict[int, None] = {}
    for inversion in found[:1]:
        for number in (inversion.earlier, inversion.later):
            partition = performance.written[number].partition
            assert partition is not None, "what was handled was written"
            shown[partition] = None
    fullest = sorted(range(count), key=lambda each: (-places.count(each), each))
    if not found:
        # What waits together waits for the first who is held up.
        held_up = range_assignment(count, ordering.MEMBERS)[0]
        shown |= dict.fromkeys([each for each in fullest if each in held_up][: STRIPS_MAX // 2])
    for partition in fullest:
        if len(shown) < STRIPS_MAX:
            shown[partition] = None
    return [f"{topic}-{partition}" for partition in shown]


def _focus(performance: Performance, found: list[ordering.Inversion]) -> dict[str, int]:
    """Where the two records lie: both have to be seen, however long the logs have grown."""
    topic = performance.play.choice.topic
    pair = [performance.written[number] for first in found[:1] for number in first[:2]]
    return {f"{topic}-{each.partition}": each.offset for each in pair if each.offset is not None}


def _moments(performance: Performance, found: list[ordering.Inversion]) -> list[tuple[int, str]]:
    return [(found[0].seen.step, "overtaken")] if found else []


def _middle(performance: Performance) -> int:
    """Late in the first stall, when much waits for the one who is held up."""
    [first, *_] = performance.play.stalls
    over_us = performance.start_us + (first.start_s + first.seconds) * SECOND_US
    service = performance.play.stream.slowest.name
    steps = [each.step for each in performance.handled[service] if each.time_us < over_us]
    return max(steps, default=0)
