"""The joint between the core and whoever hosts it: what can happen, and what may follow.

The core is a state machine. A host (the asyncio server, the simulator, a test) tells it what
happened, one event at a time, and carries out the effects it gets back:

    effects = node.handle(event, now)

Nothing else crosses the line: no socket, no thread, no clock, no random number. That is why the
same broker runs behind TCP, in a notebook and in virtual time, and why a run can be replayed.

Time comes in with every event, twice. `wall_us` is what a calendar shows: it stamps records and
ages them, and it may jump. `mono_us` only ever grows: every deadline is measured on it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from broker.wire.schema import Message


class Now(NamedTuple):
    """The moment of an event, in microseconds on both clocks."""

    wall_us: int
    mono_us: int

    @property
    def wall_ms(self) -> int:
        """Wall time in milliseconds, the unit of every timestamp in the protocol."""
        return self.wall_us // 1000


def earliest(*times: int | None) -> int | None:
    """The first of some moments; None stands for never."""
    first = None
    for time in times:
        if time is not None and (first is None or time < first):
            first = time
    return first


class Entropy(Protocol):
    """Where randomness comes from: the system for a server, the seed for a simulation."""

    def uuid(self) -> bytes:
        """Sixteen fresh bytes, for a topic, a directory or an incarnation of a broker."""

    def random(self) -> float:
        """A number in [0, 1), for jitter."""


# -- lanes ---------------------------------------------------------------------------------------

# Nodes talk to each other on lanes: a connection of its own for each peer and lane, because answers
# come in the order of the questions, and a fetch that waits must not hold up a vote. A lane belongs
# to one part of the node, which numbers its own requests on it.

CLIENT = ""
"""A client's connection to a broker."""
QUORUM = "quorum"
"""Between voters, and from observers to the leader: votes, metadata fetches, snapshots."""
REGISTRATION = "registration"
"""From a broker to the active controller: who I am, and that I am alive."""
ISR = "isr"
"""From the leader of a partition to the active controller: who is in sync."""
FORWARD = "forward"
"""From a broker to the active controller: what clients ask of it, and blocks of producer ids."""
REPLICATION = "replication"
"""From a follower to the leader of its partitions, on the listener that clients use, too."""

TO_CONTROLLERS = frozenset({QUORUM, REGISTRATION, ISR, FORWARD})
"""The lanes that end at a peer's listener for controllers."""

LOOPBACK = 0
"""The connection of what a node sends to itself: it never leaves the node."""


# -- events: what can happen to a node or a client -----------------------------------------------


class RequestArrived(NamedTuple):
    """A decoded request came in on a connection."""

    connection: int
    correlation_id: int
    api_key: int
    api_version: int
    client_id: str | None
    body: Message | None
    """None when the version is unknown here and the body could not be read (ApiVersions only)."""
    to_controller: bool = False
    """Whether it came in on the listener for controllers, which speaks other APIs."""


class ResponseArrived(NamedTuple):
    """The answer to a `Send`, from the peer it was sent to."""

    peer: int
    correlation_id: int
    body: Message
    lane: str = CLIENT


class Disconnected(NamedTuple):
    """A connection is gone; nothing can be answered on it any more."""

    connection: int


class PeerLost(NamedTuple):
    """The way to a peer is gone, or there was none: what was sent on it and not answered may or may
    not have happened."""

    peer: int
    lane: str = CLIENT


class Synced(NamedTuple):
    """The disk has made durable what a `Sync` named, or has failed to."""

    token: int
    failed: bool = False


class DeadlineCame(NamedTuple):
    """The time that `deadline()` gave has come."""


Event = RequestArrived | ResponseArrived | Disconnected | PeerLost | Synced | DeadlineCame


# -- effects: what a node or a client asks of its host --------------------------------------------


class Send(NamedTuple):
    """Send a request to a peer: another broker, or from a client, a broker."""

    peer: int
    correlation_id: int
    api_version: int
    body: Message
    lane: str = CLIENT


class HangUp(NamedTuple):
    """Give up the connection to a peer on a lane: no answer to what was sent on it will come."""

    peer: int
    lane: str


class Respond(NamedTuple):
    """Answer a request. The host keeps the order in which requests came on a connection."""

    connection: int
    correlation_id: int
    api_key: int
    api_version: int
    body: Message | None
    """None: nothing is sent (Produce with acks=0), the request is merely done."""


class Close(NamedTuple):
    """Close a connection, as Kafka does on a request it cannot make sense of."""

    connection: int
    reason: str


class Sync(NamedTuple):
    """Make files durable, then report `Synced(token)`. Paths are relative to the data directory."""

    token: int
    paths: tuple[str, ...]


Effect = Send | HangUp | Respond | Close | Sync
