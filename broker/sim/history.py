"""What the clients of a run have done and learned: the material that the run is judged by.

A history knows nothing of brokers. It holds what users could know: what they asked to be written
and what became of it, and what they were given to read, each with its place in the run. Whether
that is what Kafka promises is for `promises` and `invariants` to say.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.client.config import ACKS_ALL
from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery
from broker.sim.checker import Place as Place
from broker.sim.narration import NO_KEY, shown
from broker.sim.world import World

Content = tuple[bytes | None, bytes | None]
"""The key and the value of a record."""


class Sent(NamedTuple):
    """A record that a producer was asked to send. What became of it stands in the delivery."""

    client: str
    idempotent: bool
    life: int
    """Which life of the producer it was: a crash and a restart begin another."""
    delivery: Delivery
    time_us: int
    acks: int = ACKS_ALL

    @property
    def content(self) -> Content:
        """Key and value."""
        return self.delivery.key, self.delivery.value


class Read(NamedTuple):
    """A record that a consumer's user was given."""

    client: str
    record: ConsumedRecord
    step: int


class Move(NamedTuple):
    """A consumer's user said where to read on."""

    client: str
    place: Place
    reads: int
    """How many reads the history had by then."""
    to: int | str | None = None
    """The offset, "end", or None if only the reader knows."""
    found: int | None = None
    """Where the end was, once the reader was told."""


class Finding(NamedTuple):
    """Something a run has shown that must not be, or that Kafka allows and one should know of."""

    kind: str
    text: str
    allowed: bool
    step: int
    time_us: int
    seed: int

    def __str__(self) -> str:
        judgement = "allowed" if self.allowed else "WRONG"
        return f"{judgement}: {self.kind}: {self.text} (seed {self.seed}, step {self.step})"


class History:
    """All that was sent and read, in order, and what was found wrong with it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: list[Sent] = []
        self.reads: list[Read] = []
        self.moves: list[Move] = []
        self.returns: dict[str, list[int]] = {}
        """When each broker has come up, the first time included."""
        self.findings: list[Finding] = []
        self._told: set[tuple[str, str]] = set()

    @property
    def now_us(self) -> int:
        """The virtual time."""
        return self._world.now_us

    def came_up(self, broker: str) -> None:
        """A broker is ready to serve."""
        self.returns.setdefault(broker, []).append(self._world.now_us)

    def returned_since(self, time_us: int) -> bool:
        """Whether a broker was away and has come back since then."""
        return any(time > time_us for times in self.returns.values() for time in times[1:])

    def moved(self, client: str, place: Place, to: int | str | None) -> None:
        """A reader was placed: what it reads next need not follow what it read last."""
        self.moves.append(Move(client, place, len(self.reads), to))

    def found_end(self, client: str, place: Place, offset: int) -> None:
        """A reader who was placed at the end was told where that is, perhaps much later."""
        moves = self.moves
        at = max(i for i, move in enumerate(moves) if (move.client, move.place) == (client, place))
        moves[at] = moves[at]._replace(found=offset)

    def find(self, kind: str, text: str, *, allowed: bool) -> None:
        """Note a finding, once."""
        world = self._world
        finding = Finding(kind, text, allowed, world.steps, world.now_us, world.seed)
        if (kind, text) not in self._told:
            self._told.add((kind, text))
            self.findings.append(finding)


def described(content: Content) -> str:
    """A record in a sentence: `A=created`."""
    key, value = content
    return f"{shown(key) or NO_KEY}={'(null)' if value is None else shown(value)}"


def named(place: Place) -> str:
    """A partition as people write it: orders-0."""
    return f"{place[0]}-{place[1]}"
