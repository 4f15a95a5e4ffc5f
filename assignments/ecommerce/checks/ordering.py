"""Is order kept? A small evening on the design's topic, with members who are held up in turn.

Order in Kafka is a matter of luck until somebody is slow. As long as all members of a group keep
up, nearly everything is handled in the order in which it happened, on any key whatever; that is why
the bug is found in production. So here each of three members stands still for a quarter of a
minute, one after the other, as any process does now and then. A key that keeps an entity's events
together does not mind: they wait together. A key that tears them apart lets the end of a story be
handled while its beginning waits.

What is held to be out of order: an event was handled although the one before it, of the same order,
payment or SKU, had not been. When all is well, the same is run once more with another number of
partitions, because order that only a certain number of partitions holds up is an accident.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from assignments.ecommerce.checks.words import (
    clock,
    entity,
    fate,
    place,
    refused,
    run_partitions,
    setting,
)
from assignments.ecommerce.design import Choice
from assignments.ecommerce.rubric import ABOUT_ORDER, ACCIDENT_POINTS, ORDER_POINTS
from assignments.ecommerce.stage import (
    Crew,
    Handled,
    Performance,
    Play,
    Stall,
    Written,
    perform,
    range_assignment,
)
from assignments.ecommerce.streams import Stream
from assignments.ecommerce.workload import HOUR_US, PEAK_HOUR, SECOND_US, Event, Shop
from assignments.grader.grade import Verdict
from assignments.grader.words import counted, listed

SMALL_SHOP = Shop(seed=1, orders_a_day=16_000, skus=20, numbers_from=12_830)
"""A third of the traffic, and the twenty articles that sell best: few enough to follow by eye."""
START_US = PEAK_HOUR * HOUR_US + HOUR_US // 2
SECONDS = 60
CATCH_UP_S = 15
MEMBERS = 3
STALL_S = 15
FIRST_STALL_S = 4
REST_S = 3

OTHER_PARTITIONS = (7, 11)
"""Adding partitions later should not be what breaks the order: one of these is another number."""

TITLE = "Is order kept?"
ABOUT = (
    "A minute of a small evening ran through a simulated broker, on your topics, keys and "
    f"partitions. {MEMBERS} members of a service shared the partitions, and each stood still once "
    f"for {STALL_S} s, as a process does in a long garbage collection or when its machine is busy."
)


class Inversion(NamedTuple):
    """Two events of one entity, of which the second was handled first."""

    earlier: int
    later: int
    seen: Handled
    """The handling of the later one, which is the moment at which it went wrong."""


def check(stream: Stream, choice: Choice) -> Verdict:
    """Run the stream, and judge."""
    performance = perform(play(stream, choice, run_partitions(choice)))
    if performance.refused:
        return refused(performance, ORDER_POINTS)
    found = inversions(performance)
    if found:
        return _broken(performance, found)
    other = other_number(choice)
    again = perform(play(stream, choice, other))
    return _accident(again) if inversions(again) else _kept(performance, other)


def other_number(choice: Choice) -> int:
    """Another number of partitions than the design has."""
    return next(count for count in OTHER_PARTITIONS if count != choice.partitions)


def play(stream: Stream, choice: Choice, partitions: int) -> Play:
    """The evening: three members of the slowest service, each of them held up once."""
    service = stream.slowest
    stalls = tuple(
        Stall(f"{service.name}-{number + 1}", FIRST_STALL_S + number * (STALL_S + REST_S), STALL_S)
        for number in range(MEMBERS)
    )
    return Play(
        stream=stream,
        choice=choice,
        partitions=partitions,
        events=_evening(stream.name),
        crews=(Crew(service.name, MEMBERS, service.handling_ms * 1_000),),
        seconds=SECONDS + CATCH_UP_S,
        stalls=stalls,
    )


@cache
def _evening(stream: str) -> tuple[Event, ...]:
    events = SMALL_SHOP.events(START_US, START_US + SECONDS * SECOND_US)
    return tuple(event for event in events if event.stream == stream)


def inversions(performance: Performance) -> list[Inversion]:
    """Every event that was handled before the one before it, in the order of happening."""
    stream = performance.play.stream
    handled = {each.event: each for each in performance.handled[stream.slowest.name]}
    never = len(performance.written)
    turn = {event: number for number, event in enumerate(handled)}
    last: dict[str, int] = {}
    found = []
    for number, written in enumerate(performance.written):
        name = written.event.fields[stream.entity]
        before = last.get(name)
        last[name] = number
        if before is not None and number in turn and turn[number] < turn.get(before, never):
            found.append(Inversion(before, number, handled[number]))
    return sorted(found, key=lambda inversion: turn[inversion.later])


# -- verdicts --------------------------------------------------------------------------------


def _kept(performance: Performance, other: int) -> Verdict:
    stream, choice = performance.play.stream, performance.play.choice
    names = {written.event.fields[stream.entity] for written in performance.written}
    events = len(performance.written)
    return Verdict(
        stream=stream.name,
        setting=setting(choice),
        points=ORDER_POINTS,
        out_of=ORDER_POINTS,
        says=f"All {events} events of {len(names)} {stream.entity_name}s were handled in the order "
        f"in which they happened; on {other} partitions as well.",
    )


def _broken(performance: Performance, found: list[Inversion]) -> Verdict:
    stream, choice = performance.play.stream, performance.play.choice
    first = found[0]
    return Verdict(
        stream=stream.name,
        setting=setting(choice),
        points=0,
        out_of=ORDER_POINTS,
        says=f"{len(found)} of {counted(len(performance.written), 'event')} were handled before an "
        f"earlier one of the same {stream.entity_name}.",
        evidence=(*_sides(performance, first), *_scale(performance)),
        because=_because(performance, first),
        hint=f"What do all events of one {stream.entity_name} have in common, and no other "
        f"{stream.entity_name} has?",
        lesson=ABOUT_ORDER,
        tags=("no-key" if choice.key is None else "key-splits-entity",),
        frame=first.seen.step + 1,
    )


def _accident(again: Performance) -> Verdict:
    stream, choice = again.play.stream, again.play.choice
    now = "one partition" if choice.partitions == 1 else f"{choice.partitions} partitions"
    first = inversions(again)[0]
    cause = "no-key" if choice.key is None else "key-splits-entity"
    return Verdict(
        stream=stream.name,
        setting=setting(choice),
        points=ACCIDENT_POINTS,
        out_of=ORDER_POINTS,
        says=f"Everything was handled in order on {now}. On {again.play.partitions}, with all else "
        "the same, it was not: one day somebody adds partitions, and the order is gone.",
        evidence=_sides(again, first),
        because=_because(again, first),
        hint=f"What do all events of one {stream.entity_name} have in common, and no other "
        f"{stream.entity_name} has?",
        lesson=ABOUT_ORDER,
        tags=("order-by-accident", cause),
        frame=first.seen.step + 1,
    )


def _sides(performance: Performance, found: Inversion) -> tuple[str, ...]:
    """The two records, in the order in which they were written, and who was held up meanwhile."""
    stream = performance.play.stream
    done = {each.event: each for each in performance.handled[stream.slowest.name]}
    lines = []
    for number in (found.earlier, found.later):
        written = performance.written[number]
        lines.append(
            f"{entity(stream, written)}, {written.event.type}: {place(performance, written)}; "
            f"{fate(written, done.get(number), _reader(performance, written))}."
        )
    first = performance.written[found.earlier]
    slow = _reader(performance, first)
    for stall in performance.play.stalls:
        start_us = performance.start_us + stall.start_s * SECOND_US
        end_us = start_us + stall.seconds * SECOND_US
        if stall.member == slow and start_us < found.seen.time_us and end_us > first.time_us:
            lines.append(f"{slow} stood still from {clock(start_us)} to {clock(end_us)}.")
    return tuple(lines)


def _reader(performance: Performance, written: Written) -> str:
    """The member that reads the partition in which a record lies."""
    [crew] = performance.play.crews
    shares = range_assignment(performance.play.partitions, crew.members)
    place = next(number for number, share in enumerate(shares) if written.partition in share)
    return f"{crew.service}-{place + 1}"


def _scale(performance: Performance) -> tuple[str, ...]:
    """With how many partitions it was run, if not with as many as the design has."""
    choice, count = performance.play.choice, performance.play.partitions
    return () if count == choice.partitions else (f"(Run with {count} partitions.)",)


def _because(performance: Performance, found: Inversion) -> str:
    """How these two came to lie in different partitions."""
    stream, choice = performance.play.stream, performance.play.choice
    name = performance.written[found.later].event.fields[stream.entity]
    rule = "Kafka keeps order within a partition and nowhere else."
    if choice.key is None:
        return f"Without a key a record goes to any partition. {rule}"
    keys = dict.fromkeys(
        written.event.fields[choice.key]
        for written in performance.written
        if written.event.fields[stream.entity] == name
    )
    shown = [f"`{key}`" for key in list(keys)[:3]]
    more = ["others"] if len(keys) > len(shown) else []
    return (
        f"The key `{choice.key}` is not the same in all events of {stream.entity_name} {name}: "
        f"they had {listed([*shown, *more], 'and')}. Different keys may lie in different "
        f"partitions. {rule}"
    )
