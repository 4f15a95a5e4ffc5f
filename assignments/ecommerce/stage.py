"""A design on the stage: its topic on a simulated broker, the shop writing, services reading.

The broker is the course's own, in virtual time. The producer is a real one too, so it is Kafka's
hash that sends a key to its partition. What the grader adds is who reads: the members of a service
share the partitions out among themselves as a consumer group does (each partition has one member,
a member has several when there are more partitions than members), and a member that has got an
event is busy for as long as the handout says.

Groups and their rebalances are not built into the broker yet, so the sharing out is fixed: it is
the one that Kafka's range assignor would have come to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from assignments.ecommerce.design import Choice
from assignments.ecommerce.streams import Stream
from assignments.ecommerce.workload import SECOND_US, Event
from broker.sim import Simulation, Trace
from broker.sim.handles import ConsumerHandle, ProducerHandle

SEED = 11
LEAD_IN_US = 2 * SECOND_US
"""The topic is made and the readers are connected by then."""

FETCH_WAIT_MS = 2_000
"""A reader who finds nothing waits so long for an answer (Kafka's default is a quarter of it)."""


class Crew(NamedTuple):
    """The members of a service, and how long each is busy with an event."""

    service: str
    members: int
    handling_us: int


class Stall(NamedTuple):
    """A member that stands still for a while, as in a long garbage collection, or a restart."""

    member: str
    start_s: int
    seconds: int


class Written(NamedTuple):
    """An event, and what has become of it."""

    event: Event
    time_us: int
    """Of the run, as all times from here on."""
    partition: int | None
    offset: int | None
    error: str
    """The name of Kafka's error, if the broker refused the record."""


class Handled(NamedTuple):
    """An event, by its place among those written, and who began to handle it when."""

    event: int
    member: str
    step: int
    """The step of the run, and the frame of a figure drawn from its trace."""
    time_us: int


@dataclass(frozen=True)
class Play:
    """What is to be run."""

    stream: Stream
    choice: Choice
    partitions: int
    """Mostly those of the choice."""
    events: Sequence[Event]
    crews: tuple[Crew, ...]
    seconds: int
    stalls: tuple[Stall, ...] = ()


@dataclass(frozen=True)
class Performance:
    """What a run has shown."""

    play: Play
    written: list[Written]
    handled: dict[str, list[Handled]]
    """For each service, in the order in which it began to handle them."""
    start_us: int
    steps: int
    """How many steps it took: what it cost, told in a way that no machine changes."""
    trace: Trace | None

    @property
    def refused(self) -> list[Written]:
        """What the broker did not take."""
        return [written for written in self.written if written.error]


def perform(play: Play, *, trace: bool = False) -> Performance:
    """Run it. A run with a trace is the same run, step by step."""
    sim = Simulation(seed=SEED, trace=trace, codec=False)
    configs: dict[str, Any] = dict(play.choice.retention.configs)
    sim.create_topic(play.choice.topic, play.partitions, **configs)
    producer = _producer(sim, play.stream)
    members = {crew.service: _members(sim, play, crew) for crew in play.crews}
    sim.run_until(LEAD_IN_US)
    clock = _Clock(sim)
    for time_us, act in _script(sim, play, producer):
        sim.run_until(time_us)
        act()
    sim.run_until(LEAD_IN_US + play.seconds * SECOND_US)
    written = _written(play, producer)
    return Performance(
        play=play,
        written=written,
        handled=_handled(sim, written, members, clock),
        start_us=LEAD_IN_US,
        steps=sim.steps,
        trace=sim.trace if trace else None,
    )


def range_assignment(partitions: int, members: int) -> list[range]:
    """Which partitions each member of a group gets, as Kafka's RangeAssignor shares them out.

    Neighbours stay together, and the first members get one more if it does not come out even.

    >>> range_assignment(5, 3)
    [range(0, 2), range(2, 4), range(4, 5)]
    """
    each, more = divmod(partitions, members)
    ends = [each * count + min(count, more) for count in range(members + 1)]
    return [range(first, last) for first, last in pairwise(ends)]


def _producer(sim: Simulation, stream: Stream) -> ProducerHandle:
    """The service that writes.

    A shop has many instances of it, each with few records at a time, so records do not travel in
    company here. For records without a key that decides where they go: a Java producer would stay
    with a partition for as long as a batch takes to fill (KIP-794), and this one moves on at once.
    """
    return sim.producer(stream.producer, linger_ms=0, batch_size=1)


def _members(sim: Simulation, play: Play, crew: Crew) -> list[ConsumerHandle]:
    members = []
    for number, share in enumerate(range_assignment(play.partitions, crew.members), start=1):
        member = sim.consumer(
            f"{crew.service}-{number}", every=crew.handling_us, fetch_max_wait_ms=FETCH_WAIT_MS
        )
        for partition in share:
            member.assign(play.choice.topic, partition, offset="beginning")
        members.append(member)
    return members


Act = Callable[[], None]


def _script(sim: Simulation, play: Play, producer: ProducerHandle) -> list[tuple[int, Act]]:
    """What is done when."""
    script: list[tuple[int, Act]] = []
    for stall in play.stalls:
        first_us = LEAD_IN_US + stall.start_s * SECOND_US
        script.append((first_us, partial(sim.pause, stall.member)))
        script.append((first_us + stall.seconds * SECOND_US, partial(sim.resume, stall.member)))
    for event, time_us in zip(play.events, _times(play), strict=True):
        key = None if play.choice.key is None else event.fields[play.choice.key]
        send = partial(producer.send, play.choice.topic, key=key, value=said(play, event))
        script.append((time_us, send))
    return sorted(script, key=itemgetter(0))


def _times(play: Play) -> list[int]:
    """When each event happens, as time of the run: the first whole second of them is its start."""
    if not play.events:
        return []
    first_us = play.events[0].time_us // SECOND_US * SECOND_US
    return [LEAD_IN_US + event.time_us - first_us for event in play.events]


def said(play: Play, event: Event) -> str:
    """An event as it stands in the record: `17 created`, and `created` where the key says 17."""
    verb = event.type.partition(".")[2]
    return (
        verb
        if play.choice.key == play.stream.entity
        else (f"{event.fields[play.stream.entity]} {verb}")
    )


def _written(play: Play, producer: ProducerHandle) -> list[Written]:
    """Each event with its place in the log; the producer tells them in the order of sending."""
    return [
        Written(event, time_us, outcome.partition, outcome.offset, outcome.error)
        for event, time_us, outcome in zip(
            play.events, _times(play), producer.outcomes, strict=True
        )
    ]


class _Clock:
    """When each step of a run was, from now on: the run counts its steps, and keeps no times."""

    def __init__(self, sim: Simulation) -> None:
        self._world = sim.world
        self._first = sim.steps
        self._times_us: list[int] = []
        self._others_look = sim.world.after_step
        sim.world.after_step = self._look

    def _look(self) -> None:
        if self._others_look is not None:
            self._others_look()
        self._times_us.append(self._world.now_us)

    def at(self, step: int) -> int:
        """When a step was."""
        return self._times_us[step - self._first]


def _handled(
    sim: Simulation,
    written: list[Written],
    members: dict[str, list[ConsumerHandle]],
    clock: _Clock,
) -> dict[str, list[Handled]]:
    """What the services did, from the history that the simulator keeps of all reads."""
    services = {member.name: service for service, crew in members.items() for member in crew}
    places = {(each.partition, each.offset): number for number, each in enumerate(written)}
    handled: dict[str, list[Handled]] = {service: [] for service in members}
    for read in sim.history.reads:
        number = places[read.record.partition, read.record.offset]
        done = Handled(number, read.client, read.step, clock.at(read.step))
        handled[services[read.client]].append(done)
    return handled
