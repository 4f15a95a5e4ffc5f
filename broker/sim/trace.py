"""The trace: a run written down so that every picture can be drawn from it.

A trace is a list of steps. Each says when it happened and why, which messages left and which one
arrived, and what it changed: `set`, a list of `[path, value]`. Whoever applies the `set`s one after
the other has the whole state of the cluster after each step, and needs to know no Kafka for that.
Now and then a keyframe gives the whole state, so that a reader may start there. The schema, with an
example to follow by hand, is documented in `site/trace.md`.

Recording changes nothing: the recorder only listens, and what it reads it reads from outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from broker.sim import narration
from broker.sim.packets import Packet
from broker.sim.world import SimulationError, World

SCHEMA = 1
STEPS_BETWEEN_KEYFRAMES_MIN = 256

State = dict[str, Any]
Change = tuple[str, Any]
"""A path and its new value; None deletes."""


class Step:
    """One thing that happened."""

    __slots__ = ("changes", "kind", "lost", "received", "sent", "text", "time_us", "who")

    def __init__(self) -> None:
        self.time_us = 0
        self.kind = ""
        self.who = ""
        self.text = ""
        self.sent: list[dict[str, Any]] = []
        self.received: list[int] = []
        self.lost: list[int] = []
        self.changes: list[Change] = []

    def as_json(self) -> dict[str, Any]:
        """As the schema has it."""
        step: dict[str, Any] = {
            "time": self.time_us,
            "cause": {"kind": self.kind, "who": self.who, "text": self.text},
            "sent": self.sent,
            "received": self.received,
        }
        if self.lost:
            step["lost"] = self.lost
        step["set"] = [[path, value] for path, value in self.changes]
        return step


class Trace:
    """The steps of a run so far."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.header = header
        self.steps: list[Step] = []

    def __len__(self) -> int:
        return len(self.steps)

    def frame(self, step: int = -1) -> State:
        """The whole state after a step; -1 is the last one. The caller may keep and change it."""
        last = range(len(self.steps))[step] if self.steps else -1
        state: State = {}
        for done in self.steps[: last + 1]:
            apply(state, done.changes)
        return state

    def window(self, first: int, last: int | None = None) -> Trace:
        """The part of the trace from step `first` on, as a trace that can be drawn by itself.

        Its first step holds all that was there by then, with the messages that were on their way.
        """
        if not 0 <= first < len(self.steps):
            raise SimulationError(f"there is no step {first}: the trace has {len(self.steps)}")
        end = len(self.steps) if last is None else min(last + 1, len(self.steps))
        cut = Trace({**self.header, "first": first})
        opening = Step()
        original = self.steps[first]
        for slot in ("time_us", "kind", "who", "text", "received", "lost"):
            setattr(opening, slot, getattr(original, slot))
        opening.sent = [*self._in_flight(first), *original.sent]
        opening.changes = list(self.frame(first).items())
        cut.steps = [opening, *self.steps[first + 1 : end]]
        return cut

    def _in_flight(self, before: int) -> list[dict[str, Any]]:
        """Messages sent before a step, and arriving in it or later."""
        done = {number for step in self.steps[:before] for number in (*step.received, *step.lost)}
        sent = [message for step in self.steps[:before] for message in step.sent]
        return [m for m in sent if m["arrives"] is not None and m["id"] not in done]

    # -- writing --------------------------------------------------------------------------------

    def keyframes(self) -> Iterator[tuple[int, State]]:
        """Steps with the whole state after them. The state goes on changing: use it at once.

        There is one at the start, and then whenever as much has changed as the state was large at
        the one before, so that keyframes make up a bounded part of a trace, however long it is.
        """
        state: State = {}
        steps_since = changes_since = size = 0
        for number, step in enumerate(self.steps):
            apply(state, step.changes)
            steps_since += 1
            changes_since += len(step.changes)
            due = steps_since >= STEPS_BETWEEN_KEYFRAMES_MIN and changes_since >= size
            if number == 0 or due:
                yield number, state
                steps_since = changes_since = 0
                size = leaves(state)

    def to_dict(self) -> dict[str, Any]:
        """The trace as plain data."""
        data: dict[str, Any] = json.loads(self.to_json())
        return data

    def to_json(self) -> str:
        """The trace as JSON, a step a line. The same run gives the same text."""
        steps = ",\n".join(_json(step.as_json()) for step in self.steps)
        frames = ",\n".join(_json([number, state]) for number, state in self.keyframes())
        header = _json(self.header)
        return (
            f'{{"schema":{SCHEMA},\n"header":{header},\n"steps":[\n{steps}\n],\n'
            f'"keyframes":[\n{frames}\n]}}\n'
        )

    def save(self, path: str | Path) -> Path:
        """Write the trace to a file, and return where."""
        path = Path(path)
        path.write_text(self.to_json(), encoding="utf-8")
        return path


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def called(name: str) -> str:
    """A host by the name that people use: a broker's is only a number."""
    return f"broker {name}" if name.isdigit() else name


def apply(state: State, changes: list[Change]) -> None:
    """Do to a state what a step's `set` says. The figures do the same in JavaScript."""
    for path, value in changes:
        *folders, name = path.split("/")
        at = state
        for folder in folders:
            at = at.setdefault(folder, {})
        if value is None:
            at.pop(name, None)
        else:
            at[name] = _copied(value)


def _copied(value: Any) -> Any:
    """Objects are copied, because a later step may set a path inside of them."""
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return value


def leaves(state: Any) -> int:
    """How many values a state holds."""
    if isinstance(state, Mapping):
        return sum(leaves(inner) for inner in state.values())
    return 1


class TraceRecorder:
    """Listens to the network and the hosts, and writes the steps of a trace."""

    def __init__(self, trace: Trace, world: World, names: Mapping[bytes, str]) -> None:
        self.trace = trace
        self.world = world
        self.names = names
        """Topics by id, because newer messages name a topic by its id only."""
        self.step = Step()

    # -- what the network reports ---------------------------------------------------------------

    def cause(self, kind: str, who: str, text: str) -> None:
        """Why this step happens. The first word stands: what follows from it is not a cause."""
        step = self.step
        if not step.kind:
            step.kind, step.who = kind, who
        if not step.text:
            step.text = text

    def connection_lost(self, who: str, other: str) -> None:
        """One end of a connection hears that it is gone."""
        self.cause("message", who, f"{called(who)} hears that {called(other)} is out of reach")

    def sent(self, packet: Packet, arrives_us: int | None) -> None:
        """A message leaves."""
        speaker, listener = packet.sender, packet.receiver
        brokers = None
        if speaker.kind == listener.kind == "broker":
            brokers = speaker.name, listener.name
        meaning = narration.meaning(packet.body, self.names, packet.question, brokers)
        packet.line = meaning.text
        message: dict[str, Any] = {
            "id": packet.number,
            "from": speaker.name,
            "to": listener.name,
            "name": meaning.name,
            "text": meaning.text,
        }
        if meaning.partitions:
            message["partition"] = meaning.partitions[0]
        if len(meaning.partitions) > 1:
            message["partitions"] = list(meaning.partitions)
        if meaning.keys:
            message["keys"] = list(meaning.keys)
        if packet.connection.lane:
            message["lane"] = packet.connection.lane
        if packet.answered is not None:
            message["answers"] = packet.answered.number
        message["arrives"] = arrives_us
        self.step.sent.append(message)

    def received(self, packet: Packet) -> None:
        """A message arrives."""
        receiver, sender = called(packet.receiver.name), called(packet.sender.name)
        among = packet.sender.kind == packet.receiver.kind == "broker"
        # What brokers say to each other names the speaker itself.
        text = f"{receiver} hears{'' if among else f' from {sender}'}: {packet.line}"
        self.cause("message", packet.receiver.name, text)
        self.step.received.append(packet.number)

    def lost(self, packet: Packet) -> None:
        """A message that was on its way will not arrive."""
        self.step.lost.append(packet.number)

    # -- what the simulation reports ------------------------------------------------------------

    def finish(self, changes: list[Change]) -> None:
        """The step is over."""
        step = self.step
        if not step.text:
            # A deadline came: what it was for shows in what was done about it.
            then = f": {step.sent[0]['text']}" if step.sent else ""
            step.text = f"{called(step.who)} has waited long enough{then}"
        step.time_us = self.world.now_us
        step.changes = changes
        self.trace.steps.append(step)
        self.step = Step()
