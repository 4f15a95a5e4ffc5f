"""The runs behind the figures of lesson 1. Each is a small story told to a real broker.

A scene returns its trace, its figure, and the facts that a prediction is compared with. The facts
come out of the run: if a learner changes the scene, the answer changes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

from broker.log.log import Log
from broker.sim import Simulation
from broker.sim.trace import Step, Trace
from lessons.figures import LogView
from lessons.queue import Queue

ORDERS = (("A", "40"), ("B", "25"), ("A", "15"), ("C", "60"), ("B", "-25"), ("A", "30"))
"""Customer and euros; below zero, money is paid back."""
MORE_ORDERS = (("D", "80"), ("C", "20"), ("A", "-15"), ("D", "35"), ("B", "50"), ("C", "-20"))
"""What the shop sold later that day."""

COUNT = ("none", "one", "two", "three", "four", "five", "six")


def the_log(sim: Simulation, topic: str, partition: int = 0) -> Log:
    """The log itself, as it lies in the broker that leads it: for looking, not for touching."""
    node = sim.broker(1).machine
    assert node is not None, "the broker is down"
    return node.replicas.partitions[topic, partition].log


# -- a queue beside a log -------------------------------------------------------------------------

ON_ITS_WAY = "60ms"
A_MOMENT = "300ms"
FIRST_NUMBER = 1_000_000
"""Messages to and from the toy queue are numbered far away from those of the simulator."""


@dataclass
class Counter:
    """Where messages are handed out: a queue that draws itself into the trace of a run."""

    sim: Simulation
    queue: Queue
    _number: int = FIRST_NUMBER

    def put(self, who: str, key: str, value: str) -> None:
        """A message travels to the queue and waits there."""
        self._travel(who, self.queue.name, "Put", key, f"{who} puts {key} into the queue")
        self.queue.put(key, value)
        self._arrive(self.queue.name, f"{key} waits in the queue")

    def take(self, who: str) -> None:
        """A message leaves the queue for good and travels to who took it."""
        message = self.queue.take()
        assert message is not None
        text = f"{who} takes {message.key}, and the queue deletes it"
        self._travel(self.queue.name, who, "Take", message.key, text)
        self._arrive(who, f"{who} has {message.key}; nobody else will see it")

    def _travel(self, sender: str, receiver: str, name: str, key: str, text: str) -> None:
        self._number += 1
        step = self._step("command", sender if name == "Put" else receiver, text)
        arrives = self.sim.now + 60_000
        step.sent.append(
            {"id": self._number, "from": sender, "to": receiver, "name": name, "text": key,
             "keys": [key], "arrives": arrives}
        )  # fmt: skip
        self.sim.run_for(ON_ITS_WAY)

    def _arrive(self, who: str, text: str) -> None:
        self._step("message", who, text).received.append(self._number)

    def _step(self, kind: str, who: str, text: str) -> Step:
        step = Step()
        step.time_us, step.kind, step.who, step.text = self.sim.now, kind, who, text
        step.changes = self.queue.changes()
        self.sim.trace.steps.append(step)
        return step


class QueueBesideLog(NamedTuple):
    """What became of six orders in a queue and in a log."""

    trace: Trace
    taken_by_billing: str
    read_by_billing: str

    def figure(self) -> LogView:
        """The queue above the log, at the end of the story."""
        outcome = f"billing got {self.taken_by_billing} from the queue"
        return LogView(
            self.trace,
            title="A queue deletes, a log keeps",
            subtitle=f"{outcome}, and has read {self.read_by_billing} from the log",
            start="fulfilment handles offset 5",
        )


def queue_beside_log(orders: Sequence[tuple[str, str]] = ORDERS) -> QueueBesideLog:
    """The same orders go into a queue and a log; two services take turns, then both read."""
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    counter = Counter(sim, Queue("queue"))
    shop = sim.producer("shop")
    services = [sim.consumer(name, every=A_MOMENT) for name in ("fulfilment", "billing")]
    for key, value in orders:
        shop.send("orders", key=key, value=value)
        counter.put("shop", key, value)
        sim.run_for(A_MOMENT)
    taken = dict.fromkeys((service.name for service in services), 0)
    for service, _ in zip(cycle(services), orders, strict=False):
        counter.take(service.name)
        taken[service.name] += 1
        sim.run_for(A_MOMENT)
    for service in services:
        service.assign("orders", 0, offset=0)
    sim.run_until_idle()
    sim.run_for("20ms")
    read = len(services[1].records)
    return QueueBesideLog(sim.trace, in_words(taken["billing"]), in_words(read))


def in_words(number: int) -> str:
    """Small numbers as a sentence has them."""
    return COUNT[number] if number < len(COUNT) else str(number)


# -- two readers ----------------------------------------------------------------------------------


class Lunch(NamedTuple):
    """What stood still while audit did."""

    trace: Trace
    lunch: int
    """The step at which audit leaves."""
    who_waited: str

    def figure(self) -> LogView:
        """Two readers, one of them far behind."""
        return LogView(
            self.trace,
            title="Audit is at lunch",
            subtitle="the log grows, and fulfilment keeps up",
            start=-1,
            moments=[(self.lunch, "lunch")],
        )


def audit_goes_to_lunch() -> Lunch:
    """Fulfilment reads as records come; audit reads two and is away while eight more arrive."""
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    shop = sim.producer("shop")
    fulfilment = sim.consumer("fulfilment")
    audit = sim.consumer("audit", every="400ms")
    fulfilment.assign("orders", 0, offset=0)
    audit.assign("orders", 0, offset=0)
    shop.send_each("orders", ORDERS[:2], every="300ms")
    sim.run_until(lambda: len(audit.records) == 2)
    lunch = sim.steps
    audit.pause("orders", 0)
    shop.send_each("orders", [*ORDERS[2:], *MORE_ORDERS], every="300ms")
    sim.run_until_idle()
    waiting = [
        name
        for name, waits in (
            ("the shop", any(sent.status != "acked" for sent in shop.outcomes)),
            (
                "fulfilment",
                fulfilment.position("orders", 0) != the_log(sim, "orders").log_end_offset,
            ),
        )
        if waits
    ]
    return Lunch(sim.trace, lunch, " and ".join(waiting) or "nothing")


# -- retention ------------------------------------------------------------------------------------


MINUTE_MS = 60_000


class Kept(NamedTuple):
    """What retention left."""

    trace: Trace
    log_start_offset: int

    def figure(self) -> LogView:
        """The first segment gone, and a reader who wanted it."""
        return LogView(
            self.trace,
            title="The log start moves",
            subtitle="offset 2 is gone when audit asks for it",
            start=-1,
        )


def retention_moves_the_start() -> Kept:
    """An order a minute, four to a segment, kept for eight minutes; audit comes back too late."""
    sim = Simulation(seed=7, settings={"log.retention.check.interval.ms": str(MINUTE_MS)})
    sim.create_topic("orders", retention_ms=8 * MINUTE_MS, segment_ms=3 * MINUTE_MS + 30_000)
    shop = sim.producer("shop")
    audit = sim.consumer("audit", auto_offset_reset="none")
    for number, (key, value) in enumerate([*ORDERS, *MORE_ORDERS], start=1):
        shop.send("orders", key=key, value=value)
        sim.run_until_idle()
        if number == 2:
            audit.assign("orders", 0, offset=0)
            sim.run_until(lambda: len(audit.records) == 2)
            audit.pause("orders", 0)
        sim.run_for("1m")
    audit.resume("orders", 0)
    sim.run_for("1s")
    return Kept(sim.trace, the_log(sim, "orders").log_start_offset)
