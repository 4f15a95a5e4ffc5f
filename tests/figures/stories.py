"""Traces written by hand, for looking at figures and for testing them.

A `Story` is a small stage: it keeps the state that its steps have set, plans messages, and takes
what happens next from a heap, like the simulator, but with no broker in it. So a figure can be
tested with any state one can think of, in a few lines, and does not wait for the broker to be
able to bring it about.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from lessons.figures.fold import State, Trace, put

STEPS_BETWEEN_KEYFRAMES_MIN = 64
MILLISECOND = 1_000


class Story:
    """Steps in the order of their time, each with a cause and what it sets."""

    def __init__(self) -> None:
        self.now = 0
        self.steps: list[dict[str, Any]] = []
        self.commands: list[list[Any]] = []
        self.state: State = {}
        self.keyframes: list[list[Any]] = []
        self._plan: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._messages = 0
        self._changes = 0

    def at(self, ms: float, happen: Callable[[], None]) -> None:
        """Plan something, at a time in milliseconds."""
        self._order += 1
        heapq.heappush(self._plan, (round(ms * MILLISECOND), self._order, happen))

    def step(self, kind: str, who: str, text: str, *changes: tuple[str, Any], **more: Any) -> None:
        """Something happens now."""
        for path, value in changes:
            put(self.state, path, value)
        cause = {"kind": kind, "who": who, "text": text}
        step = {"time": self.now, "cause": cause, "sent": [], "received": [], **more}
        self.steps.append({**step, "set": [[path, value] for path, value in changes]})
        self._changes += len(changes)
        self._keyframe(len(self.steps) - 1)

    def _keyframe(self, number: int) -> None:
        """One at the start, and then when as much has changed as the state is large."""
        if number % STEPS_BETWEEN_KEYFRAMES_MIN:
            return
        if number == 0 or self._changes >= leaves(self.state):
            self.keyframes.append([number, copy.deepcopy(self.state)])
            self._changes = 0

    def send(self, sender: str, to: str, name: str, text: str, ms: float, **more: Any) -> Any:
        """A message leaves with the last step, and arrives after so many milliseconds."""
        self._messages += 1
        arrives = self.now + round(ms * MILLISECOND)
        message = {"id": self._messages, "from": sender, "to": to, "name": name, "text": text}
        self.steps[-1]["sent"].append({**message, **more, "arrives": arrives})
        return self._messages, arrives / MILLISECOND

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        """The last step was a command."""
        self.commands.append([len(self.steps) - 1, name, arguments])

    def run(self) -> Trace:
        """Let everything happen."""
        while self._plan:
            self.now, _, happen = heapq.heappop(self._plan)
            happen()
        header = {"version": "test", "seed": 7, "options": {}, "commands": self.commands}
        return {
            "schema": 1, "header": header, "steps": self.steps, "keyframes": self.keyframes,
        }  # fmt: skip


def leaves(state: Any) -> int:
    """How many values a state holds."""
    return sum(map(leaves, state.values())) if isinstance(state, dict) else 1


LEADERS = {"orders-0": 1, "orders-1": 3, "orders-2": 1}
KEYS = {"orders-0": "ACE", "orders-1": "BF", "orders-2": "D"}
VALUES = ("created", "paid", "packed", "sent")


class Orders(Story):
    """Three partitions of orders, a shop that writes, two members of a group that read."""

    def __init__(self) -> None:
        super().__init__()
        self.random = Random(7).random
        self.pace = {"fulfilment-1": 34.0, "fulfilment-2": 61.0}

    def cast(self) -> None:
        """The cluster, before anything happens."""
        self.step("command", "admin", "create_topic orders with 3 partitions", *self.opening())
        self.command("create_topic", {"name": "orders", "partitions": 3})

    def opening(self) -> list[tuple[str, Any]]:
        """The state at the start."""
        changes: list[tuple[str, Any]] = [
            (f"nodes/{node}", {"kind": "broker", "status": "up", "controller": node == 1})
            for node in (1, 2, 3)
        ]
        for index, (name, leader) in enumerate(LEADERS.items()):
            part = {"topic": "orders", "index": index, "leader": leader, "epoch": 0}
            changes.append(
                (f"partitions/{name}", {**part, "replicas": [1, 2, 3], "isr": [1, 2, 3]})
            )
            log = {"role": "leader", "epoch": 0, "start": 0, "hw": 0, "end": 0, "records": {}}
            changes.append((f"logs/{leader}/{name}", log))
        shop = {"kind": "producer", "status": "up", "acked": 0, "sent": 0, "waiting": []}
        changes.append(("clients/shop", shop))
        places = {"fulfilment-1": {"orders-0": 0, "orders-1": 0}, "fulfilment-2": {"orders-2": 0}}
        for name, positions in places.items():
            member = {"kind": "consumer", "status": "up", "group": "fulfilment", "read": 0}
            changes.append((f"clients/{name}", {**member, "positions": positions}))
        return changes

    def log(self, place: str) -> dict[str, Any]:
        """The leader's log."""
        log: dict[str, Any] = self.state["logs"][str(LEADERS[place])][place]
        return log

    def client(self, name: str) -> dict[str, Any]:
        """A client's state."""
        client: dict[str, Any] = self.state["clients"][name]
        return client

    def write(self, place: str, *keys: str | None) -> None:
        """The shop sends a batch."""
        shop, node = self.client("shop"), str(LEADERS[place])
        names = ", ".join(key or "·" for key in keys)
        waiting = [*shop["waiting"], *(key or "·" for key in keys)]
        self.step(
            "command", "shop", f"shop sends {names} to {place}",
            ("clients/shop/sent", shop["sent"] + len(keys)), ("clients/shop/waiting", waiting),
        )  # fmt: skip
        self.command("send", {"producer": "shop", "partition": place})
        number, arrival = self.send(
            "shop", node, "Produce", f"{names} to {place}", 9 + 6 * self.random(),
            partition=place, keys=list(keys),
        )  # fmt: skip
        self.at(arrival, lambda: self.append(number, place, keys))

    def append(self, number: int, place: str, keys: tuple[str | None, ...]) -> None:
        """The leader appends; followers have it a little later."""
        node, log = str(LEADERS[place]), self.log(place)
        base = log["end"]
        changes: list[tuple[str, Any]] = []
        for index, key in enumerate(keys):
            dead = key is not None and key.islower()
            record: dict[str, Any] = {"key": key and key.upper(), "value": VALUES[base % 4]}
            if dead:
                record.update(value=None, kind="tombstone")
            if index:
                record["batch"] = base
            changes.append((f"logs/{node}/{place}/records/{base + index}", record))
        changes.append((f"logs/{node}/{place}/end", base + len(keys)))
        line = f"broker {node} appends {len(keys)} to {place} at offset {base}"
        self.step("message", node, line, *changes, received=[number])
        self.at(self.now / MILLISECOND + 16 + 8 * self.random(), lambda: self.commit(place, keys))

    def commit(self, place: str, keys: tuple[str | None, ...]) -> None:
        """The high watermark moves, and the shop is told."""
        node, log = str(LEADERS[place]), self.log(place)
        hw = min(log["end"], log["hw"] + len(keys))
        line = f"all in-sync replicas have {place} up to {hw}: high watermark {hw}"
        self.step("message", node, line, (f"logs/{node}/{place}/hw", hw))
        number, arrival = self.send(
            node, "shop", "Produce response", f"offset {hw - 1}", 8, partition=place
        )
        self.at(arrival, lambda: self.acknowledge(number, keys))

    def acknowledge(self, number: int, keys: tuple[str | None, ...]) -> None:
        """The shop hears of it."""
        shop = self.client("shop")
        waiting = list(shop["waiting"])
        for key in keys:
            waiting.remove(key or "·")
        self.step(
            "message", "shop", f"shop hears from its broker: {len(keys)} acknowledged",
            ("clients/shop/acked", shop["acked"] + len(keys)), ("clients/shop/waiting", waiting),
            received=[number],
        )  # fmt: skip

    def fetch(self, name: str, place: str) -> None:
        """A member asks for more."""
        position = self.client(name)["positions"][place]
        node = str(LEADERS[place])
        line = f"{name} fetches {place} from {position}"
        self.step(
            "deadline", name, line, (f"clients/{name}/last", f"fetch {place} from {position}")
        )
        text = f"fetch {place} from {position}"
        number, arrival = self.send(name, node, "Fetch", text, 7, partition=place)
        self.at(arrival, lambda: self.answer(number, name, place, position))

    def answer(self, number: int, name: str, place: str, position: int) -> None:
        """The leader answers with what is committed."""
        node, log = str(LEADERS[place]), self.log(place)
        offsets = range(position, min(log["hw"], position + 3))
        self.step("message", node, f"broker {node} hears from {name}", received=[number])
        keys = [log["records"][str(offset)]["key"] for offset in offsets]
        text = f"offsets {offsets[0]} to {offsets[-1]} of {place}" if offsets else "nothing new"
        back, arrival = self.send(node, name, "Fetch response", text, 9, partition=place, keys=keys)
        self.at(arrival, lambda: self.read(back, name, place, position + len(offsets)))

    def read(self, number: int, name: str, place: str, position: int) -> None:
        """The member has the records, and comes again."""
        read = self.client(name)["read"]
        before = self.client(name)["positions"][place]
        what = f"reads {place} up to {position}" if position > before else "has nothing new to read"
        self.step(
            "message", name, f"{name} {what}",
            (f"clients/{name}/positions/{place}", position),
            (f"clients/{name}/read", read + position - before), (f"clients/{name}/last", what),
            received=[number],
        )  # fmt: skip

    def poll(self, name: str, until: float) -> None:
        """A member fetches from one of its partitions, at its own pace."""
        places = list(self.client(name)["positions"])
        if self.state["nodes"]["3"]["status"] == "crashed":
            places = [place for place in places if LEADERS[place] != 3]
        self.fetch(name, places[int(self.random() * len(places))])
        again = self.now / MILLISECOND + self.pace[name]
        if again < until:
            self.at(again, lambda: self.poll(name, until))

    def retain(self, place: str, start: int) -> None:
        """Retention deletes the beginning of a log."""
        node, log = str(LEADERS[place]), self.log(place)
        changes: list[tuple[str, Any]] = [
            (f"logs/{node}/{place}/records/{offset}", None) for offset in range(log["start"], start)
        ]
        changes.append((f"logs/{node}/{place}/start", start))
        self.step("deadline", node, f"retention deletes {place} up to offset {start}", *changes)

    def crash(self, node: int) -> None:
        """A broker is gone, and the partitions it led have no leader."""
        changes: list[tuple[str, Any]] = [(f"nodes/{node}/status", "crashed")]
        changes += [(f"partitions/{p}/leader", -1) for p, led in LEADERS.items() if led == node]
        self.step("fault", str(node), f"broker {node} crashes", *changes)
        self.command("crash", {"broker": node})


def orders_trace() -> Trace:
    """The sketch: three partitions, lagging readers, retention, an uncommitted tail, a crash."""
    story = Orders()
    story.at(0, story.cast)
    batches: list[tuple[str, tuple[str | None, ...]]] = [
        ("orders-0", ("A",)), ("orders-1", ("B", "B")), ("orders-0", ("C", "A")),
        ("orders-2", ("D", "D", "D")), ("orders-1", ("F",)), ("orders-0", ("E",)),
        ("orders-2", ("D", "D")), ("orders-0", ("A", "C")), ("orders-1", ("B", "F")),
        ("orders-2", ("d", "D", "D")), ("orders-0", ("C", None)), ("orders-2", ("D", "D")),
        ("orders-0", ("A", "E")), ("orders-1", ("F", "B")), ("orders-2", ("D", "D", "D")),
        ("orders-0", ("A", "C")),
    ]  # fmt: skip
    for turn, (place, keys) in enumerate(batches):
        story.at(30 + 40 * turn, lambda place=place, keys=keys: story.write(place, *keys))
    story.at(75, lambda: story.poll("fulfilment-1", 620))
    story.at(120, lambda: story.poll("fulfilment-2", 620))
    story.at(520, lambda: story.retain("orders-0", 2))
    story.at(648, lambda: story.crash(3))
    story.at(700, lambda: story.write("orders-2", "D"))
    return story.run()


def queue_trace() -> Trace:
    """Lesson 1: a queue that deletes beside a log that keeps."""
    story = Orders()
    log = {"role": "leader", "epoch": 0, "start": 0, "hw": 0, "end": 0, "records": {}}
    part = {"topic": "orders", "index": 0, "leader": 1, "epoch": 0, "replicas": [1], "isr": [1]}
    opening: list[tuple[str, Any]] = [
        ("nodes/1", {"kind": "broker", "status": "up", "controller": True}),
        ("partitions/orders-0", part), ("logs/1/orders-0", log), ("queues/queue", {"messages": {}}),
        ("clients/shop", {"kind": "producer", "status": "up", "sent": 0, "acked": 0}),
        ("clients/billing", {"kind": "consumer", "status": "up", "positions": {"orders-0": 0}}),
        ("clients/audit", {"kind": "consumer", "status": "up", "positions": {"orders-0": 0}}),
    ]  # fmt: skip
    story.at(0, lambda: story.step("command", "admin", "a queue, and a log", *opening))

    def put_one(number: int, key: str) -> None:
        message = {"key": key, "value": VALUES[number % 4]}
        changes = [
            (f"queues/queue/messages/{number}", message),
            (f"logs/1/orders-0/records/{number}", message),
            ("logs/1/orders-0/end", number + 1), ("logs/1/orders-0/hw", number + 1),
            ("clients/shop/sent", number + 1), ("clients/shop/acked", number + 1),
        ]  # fmt: skip
        story.step("command", "shop", f"shop writes {key} to both", *changes)

    def take(name: str, number: int) -> None:
        text = f"{name} takes the first message: the queue has forgotten it"
        changes = [(f"queues/queue/messages/{number}", None)]
        story.step("command", name, text, *changes)

    def read(name: str, position: int) -> None:
        story.step(
            "command", name, f"{name} reads offset {position - 1} of the log",
            (f"clients/{name}/positions/orders-0", position), (f"clients/{name}/read", position),
        )  # fmt: skip

    for number, key in enumerate("ABACBADC"):
        story.at(10 + 10 * number, lambda n=number, k=key: put_one(n, k))
    for number in range(5):
        story.at(45 + 12 * number, lambda n=number: take("billing" if n % 2 else "audit", n))
        story.at(47 + 12 * number, lambda n=number: read("billing", n + 1))
    for number in range(2):
        story.at(70 + 20 * number, lambda n=number: read("audit", n + 1))
    return story.run()


def long_trace(steps: int = 10_000) -> Trace:
    """A long log: every step appends a record, and two readers follow at a distance."""
    story = Orders()
    story.at(0, story.cast)

    def one(number: int) -> None:
        place = f"orders-{(number * 7) % 3}"
        node, log = LEADERS[place], story.log(place)
        keys = KEYS[place]
        record = {"key": keys[number % len(keys)], "value": "paid"}
        end = log["end"] + 1
        changes: list[tuple[str, Any]] = [
            (f"logs/{node}/{place}/records/{end - 1}", record), (f"logs/{node}/{place}/end", end),
            (f"logs/{node}/{place}/hw", max(0, end - 2)),
        ]  # fmt: skip
        reader = "fulfilment-2" if place == "orders-2" else "fulfilment-1"
        lag = 3 if place == "orders-0" else 400
        changes.append((f"clients/{reader}/positions/{place}", max(0, end - lag)))
        story.step("message", str(node), f"broker {node} appends to {place}", *changes)

    for number in range(1, steps):
        story.at(number * 3, lambda n=number: one(n))
    return story.run()
