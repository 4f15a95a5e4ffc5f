"""What the verdicts of all checks have in common: names of records, and runs that never were."""

from __future__ import annotations

from assignments.ecommerce.design import Choice, Reading
from assignments.ecommerce.rubric import ABOUT_COMPACTION
from assignments.ecommerce.stage import Handled, Performance, Written
from assignments.ecommerce.streams import NO_KEY, Stream
from assignments.ecommerce.workload import SECOND_US
from assignments.grader.grade import Verdict
from assignments.grader.words import counted

RUN_PARTITIONS_MAX = 32
"""A topic with more is run with so many: that is four for each member, and shows the same."""
HARD_SPACE = "\N{NO-BREAK SPACE}"


def setting(choice: Choice) -> str:
    """What the design says, as far as a run depends on it."""
    return f"key {choice.key or NO_KEY}, {counted(choice.partitions, 'partition')}"


def run_partitions(choice: Choice) -> int:
    """With how many partitions the topic is run."""
    return min(choice.partitions, RUN_PARTITIONS_MAX)


def not_run(stream: Stream, reading: Reading, out_of: int) -> Verdict:
    """The design says nothing of this stream that could be run."""
    lines = dict.fromkeys(problem.line for problem in reading.stopping(stream.name))
    where = ", ".join(str(line) for line in lines)
    return Verdict(
        stream=stream.name,
        setting="not run",
        points=0,
        out_of=out_of,
        says=f"Not run: see what is said above about line{'s' if len(lines) > 1 else ''} {where}.",
        tags=("not-run",),
        was_run=False,
    )


def refused(performance: Performance, out_of: int) -> Verdict:
    """The broker did not take the records."""
    play = performance.play
    first = performance.refused[0]
    count = len(performance.refused)
    return Verdict(
        stream=play.stream.name,
        setting=setting(play.choice),
        points=0,
        out_of=out_of,
        says=f"The broker refused {count} of {len(performance.written)} events, so they are lost.",
        evidence=(
            f"{first.event.type} of {entity(play.stream, first)} was answered {first.error}.",
        ),
        because="The topic is compacted: of each key the last record is kept. A record without a "
        "key would be kept never or for ever, so a compacted topic takes none.",
        hint="Which question shall a reader be able to ask of this topic years later? Its answer "
        "has a key.",
        lesson=ABOUT_COMPACTION,
        tags=("refused-by-broker",),
    )


def entity(stream: Stream, written: Written) -> str:
    """What an event is about: `order 4711`."""
    return f"{stream.entity_name} {written.event.fields[stream.entity]}"


def place(performance: Performance, written: Written) -> str:
    """Where a record lies: `orders-3, offset 7`."""
    return f"{performance.play.choice.topic}-{written.partition}, offset {written.offset}"


def clock(time_us: int) -> str:
    """A time of the run, as the figure shows it.

    Made of whole numbers: no float is printed that another machine might round in another way.
    """
    tenths = (time_us + SECOND_US // 20) // (SECOND_US // 10)
    return f"{tenths // 10}.{tenths % 10}{HARD_SPACE}s"


def fate(written: Written, handled: Handled | None, reader: str) -> str:
    """When an event was written, and when and by whom it was handled."""
    when = f"written at {clock(written.time_us)}"
    if handled is None:
        return f"{when}, and still waiting for {reader} when the run ended"
    return f"{when}, handled at {clock(handled.time_us)} by {handled.member}"
