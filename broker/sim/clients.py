"""Clients in the simulated world: the machines of `broker.client`, and who uses them.

A producer's user gives it records and looks at what became of them. A consumer's user polls: as
soon as something has come, or at a pace of its own, which is what makes one reader lag behind
another. All that they learn is kept, because it is what a run is judged by in the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from broker.client.admin import Admin
from broker.client.config import ACKS_ALL
from broker.client.consumer import Consumer
from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery, Operation, Status
from broker.client.positions import BEGINNING, END
from broker.client.producer import Producer
from broker.events import Entropy
from broker.sim.history import History, Place, Read, Sent
from broker.sim.hosts import Host, Machine, SimulatedEntropy
from broker.sim.narration import NO_KEY, shown
from broker.sim.network import Network
from broker.sim.world import SimulationError

WAITING_SHOWN_MAX = 24

_SPECIAL_OFFSETS = {"beginning": BEGINNING, "end": END}

M = TypeVar("M")


class ClientHost(Host):
    """A host with a client on it, which `build` makes anew after a crash."""

    def __init__(self, name: str, network: Network, history: History) -> None:
        super().__init__(name, network)
        self.history = history
        self.entropy = SimulatedEntropy(self.world.dice(f"client {name}"))
        self.lives = 0
        """How often it has started: a crash and a restart begin another life."""

    def restart(self) -> None:
        """Start, for the first time or after a crash, with nothing in memory."""
        self.lives += 1
        self.boot(self.new_machine())

    def new_machine(self) -> Machine:
        """A fresh machine."""
        raise NotImplementedError

    @property
    def idle(self) -> bool:
        """Whether its user has nothing left to wait for."""
        return True

    def view(self) -> list[tuple[str, Any]]:
        """What the trace shows of it."""
        return []


class ProducerHost(ClientHost):
    """A producer and its user."""

    kind = "producer"
    machine: Producer | None

    def __init__(
        self, name: str, network: Network, history: History, build: Callable[[Entropy], Producer]
    ) -> None:
        super().__init__(name, network, history)
        self._build = build
        self.deliveries: list[Delivery] = []
        self._open: list[Delivery] = []
        self._acked = 0
        self._idempotent = False
        self._acks = ACKS_ALL
        self.scripts = 0
        """Scripts that still have something to send."""

    def new_machine(self) -> Producer:
        machine = self._build(self.entropy)
        self._idempotent = machine.config.idempotent
        self._acks = machine.config.acks
        return machine

    def send(self, topic: str, key: str | None, value: str | None, partition: int | None) -> None:
        """Give the producer a record."""
        machine = _running(self.machine)
        delivery, effects = machine.send(
            topic, key=_bytes(key), value=_bytes(value), partition=partition, now=self.now()
        )
        self.deliveries.append(delivery)
        self._open.append(delivery)
        self.history.sent.append(
            Sent(self.name, self._idempotent, self.lives, delivery, self.world.now_us, self._acks)
        )
        self.follow(effects)

    def flush(self) -> None:
        """Let nothing linger."""
        self.follow(_running(self.machine).flush(now=self.now()))

    def after(self) -> None:
        """Notice what has become of the records."""
        done = [delivery for delivery in self._open if delivery.status is not Status.PENDING]
        if done:
            self._acked += sum(delivery.status is Status.ACKED for delivery in done)
            self._open = [delivery for delivery in self._open if not delivery.done]

    def halt(self, status: str) -> None:
        """What is in the air when a producer dies stays undecided for ever."""
        super().halt(status)
        self._open = []

    @property
    def idle(self) -> bool:
        return not self._open and not self.scripts

    def view(self) -> list[tuple[str, Any]]:
        waiting = [shown(delivery.key) or NO_KEY for delivery in self._open[:WAITING_SHOWN_MAX]]
        return [("sent", len(self.deliveries)), ("acked", self._acked), ("waiting", waiting)]


class Script:
    """Records that a producer's user sends one after the other, at a pace."""

    __slots__ = ("every_us", "host", "life", "partition", "records", "topic")

    def __init__(
        self,
        host: ProducerHost,
        topic: str,
        records: Sequence[tuple[str | None, str | None]],
        partition: int | None,
        every_us: int,
    ) -> None:
        self.host = host
        self.life = host.lives
        self.topic = topic
        self.records = deque(records)
        self.partition = partition
        self.every_us = every_us

    def begin(self) -> None:
        """Plan the first record for now."""
        self.host.scripts += 1
        self.host.world.plan(self.host.world.now_us, self)

    def still(self) -> bool:
        """The script of a user who is gone is over."""
        host = self.host
        if not host.alive or host.lives != self.life:
            host.scripts -= 1
            return False
        return not host.hold(self)

    def happen(self) -> None:
        """Send the next record, and plan the one after it."""
        host = self.host
        key, value = self.records.popleft()
        if host.network.recorder is not None:
            text = f"{host.name} sends {NO_KEY if key is None else key} to {self.topic}"
            host.network.recorder.cause("command", host.name, text)
        host.send(self.topic, key, value, self.partition)
        if self.records:
            host.world.plan(host.world.now_us + self.every_us, self)
        else:
            host.scripts -= 1


class ConsumerHost(ClientHost):
    """A consumer and its user, who polls as soon as something is there, or every so often."""

    kind = "consumer"
    machine: Consumer | None

    def __init__(
        self, name: str, network: Network, history: History, build: Callable[[Entropy], Consumer]
    ) -> None:
        super().__init__(name, network, history)
        self._build = build
        self.records: list[ConsumedRecord] = []
        self.every_us: int | None = None
        """The pace of the user: one poll in this time. None: poll whenever something is there."""
        self.max_records: int | None = None
        self.assigned: dict[Place, None] = {}
        self.paused: dict[Place, None] = {}
        self.turn: PollTurn | None = None
        self._sent_to_end: dict[Place, None] = {}
        """Where it looks for the end of the log, and was not told yet."""
        self._next_poll_us = 0

    def new_machine(self) -> Consumer:
        return self._build(self.entropy)

    # -- what its user asks for -----------------------------------------------------------------

    def assign(self, places: Iterable[Place], offset: str | int | None) -> None:
        """Add partitions to those the consumer has; those it has already, it seeks."""
        places = list(places)
        known = [place for place in places if place in self.assigned]
        self.assigned.update(dict.fromkeys(places))
        at = _SPECIAL_OFFSETS[offset] if isinstance(offset, str) else offset
        machine = _running(self.machine)
        for place in places:
            self._moved(place, None if place in known else offset)
        self.follow(machine.assign(list(self.assigned), at=at, now=self.now()))
        if offset is not None:
            for place in known:
                self.seek(place, offset)

    def seek(self, place: Place, offset: str | int) -> None:
        """Go to an offset, the beginning or the end."""
        machine, now = _running(self.machine), self.now()
        self._moved(place, offset)
        if isinstance(offset, int):
            self.follow(machine.seek(*place, offset, now=now))
        elif offset == "beginning":
            self.follow(machine.seek_to_beginning(*place, now=now))
        else:
            self.follow(machine.seek_to_end(*place, now=now))

    def seek_to_timestamp(self, place: Place, timestamp_ms: int) -> None:
        """Go to the first record of a moment, or after it."""
        machine = _running(self.machine)
        self._moved(place, None)
        self.follow(machine.seek_to_timestamp(*place, timestamp_ms, now=self.now()))

    def _moved(self, place: Place, offset: str | int | None) -> None:
        self.history.moved(self.name, place, offset)
        if offset == "end":
            self._sent_to_end[place] = None
        else:
            self._sent_to_end.pop(place, None)

    def _look_for_ends(self) -> None:
        """Notice where the end was: readers who are sent there may learn it much later."""
        machine = _running(self.machine)
        for place in list(self._sent_to_end):
            position = machine.position(*place)
            if position is not None:
                del self._sent_to_end[place]
                self.history.found_end(self.name, place, position)

    def pause_reading(self, place: Place) -> None:
        """Leave a partition alone for a while."""
        self.paused[place] = None
        self.follow(_running(self.machine).pause(*place, now=self.now()))

    def resume_reading(self, place: Place) -> None:
        """Go on with a partition."""
        self.paused.pop(place, None)
        self.follow(_running(self.machine).resume(*place, now=self.now()))

    def set_pace(self, every_us: int | None, max_records: int | None) -> None:
        """Handle records faster or slower from now on."""
        self.every_us = every_us
        self.max_records = max_records
        self.turn = None
        self._next_poll_us = self.world.now_us
        self.follow([])

    # -- polling --------------------------------------------------------------------------------

    def after(self) -> None:
        """Poll now, or plan to."""
        if self._sent_to_end:
            self._look_for_ends()
        if self.idle:
            return
        if self.every_us is None:
            while not self.idle and self._poll():
                pass
        elif self.turn is None:
            self.turn = PollTurn(self)
            self.world.plan(self._next_poll_us, self.turn)

    def take_turn(self) -> None:
        """The moment has come at which the user polls."""
        self.turn = None
        self._next_poll_us = self.world.now_us + (self.every_us or 0)
        self._poll()
        self.follow([])

    def _poll(self) -> int:
        machine = _running(self.machine)
        records, effects = machine.poll(now=self.now(), max_records=self.max_records)
        self.records += records
        for record in records:
            self.history.reads.append(Read(self.name, record, self.world.steps))
        self.carry_out(effects)
        return len(records)

    def halt(self, status: str) -> None:
        super().halt(status)
        self.turn = None
        self.assigned.clear()
        self.paused.clear()
        self._sent_to_end.clear()

    @property
    def idle(self) -> bool:
        """Whether nothing is here to be polled."""
        if self.machine is None or not self.machine.records:
            return True
        return bool(self.paused) and all(
            (record.topic, record.partition) in self.paused for record in self.machine.records
        )

    def view(self) -> list[tuple[str, Any]]:
        view: list[tuple[str, Any]] = [("read", len(self.records))]
        machine = self.machine
        if machine is None:
            return view
        for topic, index in machine.assignment:
            position = machine.position(topic, index)
            if position is not None:
                view.append((f"positions/{topic}-{index}", position))
        view.append(("fetched", len(machine.records)))
        return view


class PollTurn:
    """The moment at which a consumer's user polls."""

    __slots__ = ("host",)

    def __init__(self, host: ConsumerHost) -> None:
        self.host = host

    def still(self) -> bool:
        """A user with nothing to poll waits until there is something."""
        host = self.host
        if host.turn is not self:
            return False
        if host.idle:
            host.turn = None
            return False
        return not host.hold(self)

    def happen(self) -> None:
        """Poll, and say what was polled."""
        host = self.host
        before = len(host.records)
        host.take_turn()
        if host.network.recorder is not None:
            text = f"{host.name} handles {_listed(host.records[before:])}"
            host.network.recorder.cause("deadline", host.name, text)


class AdminHost(ClientHost):
    """An administrator. There is one, who creates topics and changes settings."""

    kind = "admin"
    machine: Admin | None

    def __init__(
        self, name: str, network: Network, history: History, build: Callable[[Entropy], Admin]
    ) -> None:
        super().__init__(name, network, history)
        self._build = build
        self.operations: list[Operation] = []

    def new_machine(self) -> Admin:
        return self._build(self.entropy)

    @property
    def idle(self) -> bool:
        return all(operation.done for operation in self.operations)


def _listed(records: list[ConsumedRecord]) -> str:
    if not records:
        return "nothing"
    first = records[0]
    if len(records) == 1:
        return f"offset {first.offset} of {first.topic}-{first.partition}"
    return f"{len(records)} records"


def _running(machine: M | None) -> M:
    if machine is None:
        raise SimulationError("this client is down")
    return machine


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
