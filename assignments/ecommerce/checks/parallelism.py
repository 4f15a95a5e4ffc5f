"""Does the design keep up at the peak? A minute of the busiest hour, with all members at work.

A member handles one event after the other, so a group is as fast as the members that have something
to do; and a partition has one reader in a group. Two things therefore decide: how many partitions
there are, and whether the key spreads the events over them. The handout promises that an event is
handled within ten seconds of being written. The run shows for how many that came true, and how far
each service was behind, second by second.

The minute is short, for the evening is long: what is behind after a minute of an hour is told as
what it will be after the hour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from assignments.ecommerce.checks.words import refused, run_partitions, setting
from assignments.ecommerce.design import Choice
from assignments.ecommerce.rubric import ABOUT_LAG, LATE_POINTS_MAX, PEAK_POINTS, WASTE_POINTS
from assignments.ecommerce.stage import Crew, Performance, Play, perform, range_assignment
from assignments.ecommerce.streams import PARTITIONS_PLENTY, PROMISE_S, Service, Stream
from assignments.ecommerce.workload import HOUR_US, PEAK_HOUR, SECOND_US, Event, Shop
from assignments.grader.grade import Series, Verdict
from assignments.grader.words import counted
from broker.client.partitioner import partition_for_key

SHOP = Shop(seed=1)
START_US = PEAK_HOUR * HOUR_US + HOUR_US // 2
SECONDS = 60
PEAK_S = 3_600
IN_TIME_PERCENT = 99
"""So many of a hundred events in time are all, as far as points are concerned."""

UNEVEN = 1.7
"""A partition with so many times its fair share is what holds a service up."""

TITLE = "Is the peak met?"
ABOUT = (
    f"A minute of the busiest hour ran through the same broker, with all members of each service. "
    f"Every event should be handled within {PROMISE_S} s of being written."
)


@dataclass(frozen=True)
class Seen:
    """How a service did."""

    service: Service
    lag: tuple[int, ...]
    """After each second, how many events are written and not handled."""
    in_time: int
    events: int
    busy: int
    """How many members had anything to do."""

    @property
    def kept(self) -> bool:
        """Whether that is good enough."""
        return self.in_time * 100 >= self.events * IN_TIME_PERCENT

    @property
    def percent(self) -> int:
        """Rounded down: only all is a hundred."""
        return self.in_time * 100 // max(1, self.events)


def check(stream: Stream, choice: Choice) -> Verdict:
    """Run the stream, and judge."""
    performance = perform(play(stream, choice))
    if performance.refused:
        return refused(performance, PEAK_POINTS)
    seen = [_watch(performance, service) for service in stream.services]
    worst = min(seen, key=lambda each: (each.in_time, -each.service.handling_ms))
    return _kept(performance, seen) if worst.kept else _behind(performance, seen, worst)


def play(stream: Stream, choice: Choice) -> Play:
    """The peak minute, with everybody at work."""
    return Play(
        stream=stream,
        choice=choice,
        partitions=run_partitions(choice),
        events=_minute(stream.name),
        crews=tuple(
            Crew(service.name, service.members, service.handling_ms * 1_000)
            for service in stream.services
        ),
        seconds=SECONDS + PROMISE_S,
    )


@cache
def _minute(stream: str) -> tuple[Event, ...]:
    events = SHOP.events(START_US, START_US + SECONDS * SECOND_US)
    return tuple(event for event in events if event.stream == stream)


def _watch(performance: Performance, service: Service) -> Seen:
    handled = performance.handled[service.name]
    written = performance.written
    waits = [each.time_us - written[each.event].time_us for each in handled]
    moments = [performance.start_us + second * SECOND_US for second in range(SECONDS + 1)]
    lag = [
        sum(each.time_us < moment for each in written)
        - sum(each.time_us < moment for each in handled)
        for moment in moments
    ]
    return Seen(
        service=service,
        lag=tuple(lag),
        in_time=sum(wait <= PROMISE_S * SECOND_US for wait in waits),
        events=len(written),
        busy=len({each.member for each in handled}),
    )


# -- verdicts --------------------------------------------------------------------------------


def _kept(performance: Performance, seen: list[Seen]) -> Verdict:
    choice = performance.play.choice
    main = _slowest(seen)
    says = f"{_all_of(seen)} within {PROMISE_S} s; {_greatest_lag(main)}"
    if choice.partitions <= PARTITIONS_PLENTY:
        return _verdict(performance, seen, PEAK_POINTS, says, evidence=_work(main))
    return _verdict(
        performance,
        seen,
        PEAK_POINTS - WASTE_POINTS,
        f"{says} But there are {choice.partitions:,} partitions.",
        evidence=(*_work(main), _emptiness(performance)),
        because="More partitions than members make nothing faster. Each is a directory of open "
        "files on every replica, a leader to be elected when a broker fails, and a smaller batch "
        "for every producer.",
        hint=f"Up to {PARTITIONS_PLENTY} cost nothing here. How many members will there be in two "
        "years?",
        tags=("too-many-partitions",),
    )


def _behind(performance: Performance, seen: list[Seen], worst: Seen) -> Verdict:
    tags = _causes(performance, worst)
    because, hint = EXPLANATIONS[tags[-1]]
    points = LATE_POINTS_MAX * 2 * worst.in_time // worst.events / 2
    wasted = performance.play.choice.partitions > PARTITIONS_PLENTY
    return _verdict(
        performance,
        seen,
        max(0, points - WASTE_POINTS * wasted),
        f"{worst.service.name.capitalize()} handled {worst.percent} % of the events within "
        f"{PROMISE_S} s. {_outlook(worst)}",
        evidence=(*_work(worst), *_idle(worst), *_fullest(performance)),
        because=because,
        hint=hint,
        tags=(*tags, *(["too-many-partitions"] * wasted)),
    )


def _verdict(
    performance: Performance,
    seen: list[Seen],
    points: float,
    says: str,
    *,
    evidence: tuple[str, ...] = (),
    because: str = "",
    hint: str = "",
    tags: tuple[str, ...] = (),
) -> Verdict:
    return Verdict(
        stream=performance.play.stream.name,
        setting=setting(performance.play.choice),
        points=points,
        out_of=PEAK_POINTS,
        says=says,
        evidence=evidence,
        because=because,
        hint=hint,
        lesson=ABOUT_LAG if because else "",
        tags=tags,
        series=tuple(Series(each.service.name, each.lag) for each in seen),
    )


EXPLANATIONS = {
    "one-partition": (
        "A partition is read by one member of a group at a time, so one partition means one "
        "member, however many stand ready.",
        "Which events have to wait for one another, and which never have to?",
    ),
    "too-few-partitions": (
        "A partition is read by one member of a group at a time, and no two keys are spread quite "
        "evenly. So there have to be more partitions than the members that must be busy.",
        "Work out how many members must be busy at once, and leave room: hashing is never even, "
        "and a member may fail.",
    ),
    "hot-key": (
        "All events with one key go to one partition, and so to one member. A key with few values, "
        "or with one value that is everywhere, leaves the others without work, and more partitions "
        "do not change that.",
        "How many different values does the key take in a minute, and which share of all events "
        "has the most frequent one?",
    ),
}

ROOM_PERCENT = 135
"""Partitions should be so many for every hundred members that must be busy."""
FEW_KEYS_PER_MEMBER = 2


def _causes(performance: Performance, worst: Seen) -> tuple[str, ...]:
    """Why a service was held up: few partitions, or a key that does not spread the work, or both.

    The last is the one to be explained first, because mending the others alone would not help.
    """
    choice, service = performance.play.choice, worst.service
    keys = _keys(performance)
    work_ms = worst.events * service.handling_ms
    hot = keys and (
        len(keys) < FEW_KEYS_PER_MEMBER * service.members
        or keys.most_common(1)[0][1] * service.handling_ms > SECONDS * 1_000 * 7 // 10
    )
    few = choice.partitions * SECONDS * 1_000 * 100 < work_ms * ROOM_PERCENT
    if choice.partitions == 1:
        return ("hot-key", "one-partition") if hot else ("one-partition",)
    if hot:
        return ("too-few-partitions", "hot-key") if few else ("hot-key",)
    return ("too-few-partitions",)


def _keys(performance: Performance) -> Counter[str]:
    """How often each key came."""
    key = performance.play.choice.key
    return Counter(written.event.fields[key] for written in performance.written if key is not None)


# -- evidence --------------------------------------------------------------------------------


def _slowest(seen: list[Seen]) -> Seen:
    return max(seen, key=lambda each: each.service.handling_ms)


def _all_of(seen: list[Seen]) -> str:
    least = min(each.percent for each in seen)
    what = "All events" if least == 100 else f"{least} % of the events"
    return f"{what} were handled{' by all services' if len(seen) > 1 else ''}"


def _greatest_lag(seen: Seen) -> str:
    return f"{seen.service.name} was never more than {max(seen.lag)} behind."


def _work(seen: Seen) -> tuple[str, ...]:
    """The sum that everybody should have made before choosing a number."""
    service = seen.service
    rate = _tenths(seen.events * 10 // SECONDS)
    work = _tenths(seen.events * service.handling_ms // (SECONDS * 100))
    return (
        f"{rate} events a second, {_seconds(service.handling_ms)} each for {service.name}: "
        f"{work} members must be busy all the time.",
    )


def _idle(seen: Seen) -> tuple[str, ...]:
    members = seen.service.members
    if seen.busy == members:
        return ()
    idle = members - seen.busy
    return (f"Of the {members} members of {seen.service.name}, {idle} had nothing to do at all.",)


def _fullest(performance: Performance) -> tuple[str, ...]:
    """The partition that got most, and the key that came most often."""
    total = len(performance.written)
    topic, keys = performance.play.choice.topic, _keys(performance)
    if performance.play.partitions == 1:
        return ()
    places = Counter(written.partition for written in performance.written)
    [(fullest, count)] = places.most_common(1)
    lines = [f"{topic}-{fullest} got {count} of the {total} events."]
    if keys:
        [(key, often)] = keys.most_common(1)
        lines.append(
            f"There were {counted(len(keys), 'different key')}; the most frequent, `{key}`, came "
            f"{counted(often, 'time')}."
        )
    return tuple(lines)


def _outlook(seen: Seen) -> str:
    """What a minute says about the hour."""
    now = seen.lag[-1]
    grown = now - seen.lag[SECONDS // 2]
    text = f"After the minute it was {counted(now, 'event')} behind"
    if grown <= 0:
        return f"{text}, and no longer falling back."
    after = now + grown * (PEAK_S - SECONDS) * 2 // SECONDS
    return f"{text}; at that pace it will be {after:,} behind when the hour is over."


def _emptiness(performance: Performance) -> str:
    """How little there is for each of many partitions, in the busiest hour of the day."""
    choice, service = performance.play.choice, performance.play.stream.slowest
    most = max(len(share) for share in range_assignment(choice.partitions, service.members))
    keys = [key.encode() for key in _keys(performance)]
    got = {partition_for_key(key, choice.partitions) for key in keys}
    idle = f"{choice.partitions - len(got)} of them got nothing to hold in this minute, and "
    return (
        f"{idle if keys else ''}each member of {service.name} would look after {most}. "
        f"(The run itself had {performance.play.partitions}.)"
    )


def _tenths(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def _seconds(milliseconds: int) -> str:
    return f"{_tenths(milliseconds // 100)} s"
