"""What the clients of a run have done and learned: the material that the run is judged by.

A history knows nothing of brokers. It holds what users could know: what they asked to be written
and what became of it, and what they were given to read, each with its place in the run. Whether
that is what Kafka promises is for `promises` and `invariants` to say.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.client.fetcher import ConsumedRecord
from broker.client.outcomes import Delivery, Status
from broker.sim.narration import NO_KEY, shown
from broker.sim.world import World

Place = tuple[str, int]
"""A topic and the index of one of its partitions."""

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

    @property
    def content(self) -> Content:
        """Key and value."""
        return self.delivery.key, self.delivery.value


class Read(NamedTuple):
    """A record that a consumer's user was given."""

    client: str
    record: ConsumedRecord
    step: int


class Finding(NamedTuple):
    """Something a run has shown that must not be, or that Kafka allows and one should know of."""

    kind: str
    text: str
    allowed: bool
    step: int
    time_us: int

    def __str__(self) -> str:
        return f"{'allowed' if self.allowed else 'WRONG'}: {self.kind}: {self.text}"


class History:
    """All that was sent and read, in order, and what was found wrong with it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: list[Sent] = []
        self.reads: list[Read] = []
        self.lost: set[Delivery] = set()
        """Acknowledged records that are gone again. Their offsets may have been given anew."""
        self.returns: dict[str, list[int]] = {}
        """When each broker has come up, the first time included."""
        self.findings: list[Finding] = []

    def came_up(self, broker: str) -> None:
        """A broker is ready to serve."""
        self.returns.setdefault(broker, []).append(self._world.now_us)

    def returned_since(self, time_us: int) -> bool:
        """Whether a broker was away and has come back since then."""
        return any(time > time_us for times in self.returns.values() for time in times[1:])

    def find(self, kind: str, text: str, *, allowed: bool) -> None:
        """Note a finding, once."""
        finding = Finding(kind, text, allowed, self._world.steps, self._world.now_us)
        if all((kind, text) != (known.kind, known.text) for known in self.findings):
            self.findings.append(finding)

    def acknowledged(self) -> list[Sent]:
        """What producers were told is in the log, with its offset."""
        return [
            sent
            for sent in self.sent
            if sent.delivery.status is Status.ACKED and sent.delivery.offset >= 0
        ]


def described(content: Content) -> str:
    """A record in a sentence: `A=created`."""
    key, value = content
    return f"{shown(key) or NO_KEY}={'(null)' if value is None else shown(value)}"


def named(place: Place) -> str:
    """A partition as people write it: orders-0."""
    return f"{place[0]}-{place[1]}"
