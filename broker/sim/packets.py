"""Connections of the virtual network, and what travels on them: messages, and the news of an end.

A connection is two streams, one for each direction. Bytes of a stream arrive in order or not at
all, so whatever holds up one packet holds up all behind it: a cut link stalls a stream, and when
the link is healed TCP sends again what was never confirmed. That is how a message can arrive
seconds after its sender has given up on it and asked somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.events import Respond
from broker.wire.schema import Message

if TYPE_CHECKING:
    from broker.sim.hosts import Host
    from broker.sim.network import Network


class Stream:
    """One direction of a connection."""

    __slots__ = ("arrival_us", "receiver", "sender", "stalled")

    def __init__(self, sender: Host, receiver: Host) -> None:
        self.sender = sender
        self.receiver = receiver
        self.arrival_us = 0
        """When the last of what was sent arrives, if nothing holds it up."""
        self.stalled: list[Packet | Notice] = []
        """What has come to a cut, in order."""


class Connection:
    """A connection that one host opened to another. The number is what the server knows it by."""

    __slots__ = (
        "answers", "broken", "client", "lane", "number", "peer", "requests", "responses", "server",
        "server_knows", "waiting",
    )  # fmt: skip

    def __init__(self, number: int, client: Host, peer: int, lane: str, server: Host) -> None:
        self.number = number
        self.client = client
        self.peer = peer
        self.lane = lane
        self.server = server
        self.requests = Stream(client, server)
        self.responses = Stream(server, client)
        self.broken = False
        self.server_knows = False
        """Whether a request has ever arrived, so that the server has to be told of the end."""
        self.waiting: list[Packet] = []
        """Requests that have arrived and are not answered yet, in order."""
        self.answers: dict[int, Respond] = {}
        """Answers that must not leave yet, because an earlier request is still waiting."""

    @property
    def is_current(self) -> bool:
        """Whether the client has not given it up."""
        return self.client.connections.get((self.peer, self.lane)) is self


class Packet:
    """A message on its way."""

    __slots__ = (
        "answered", "api_key", "api_version", "body", "connection", "correlation_id", "dropped",
        "line", "network", "number", "stream",
    )  # fmt: skip

    def __init__(
        self,
        network: Network,
        connection: Connection,
        correlation_id: int,
        api_key: int,
        api_version: int,
        body: Message,
        answered: Packet | None = None,
    ) -> None:
        self.network = network
        network.packets += 1
        self.number = network.packets
        self.connection = connection
        self.stream = connection.requests if answered is None else connection.responses
        self.correlation_id = correlation_id
        self.api_key = api_key
        self.api_version = api_version
        self.body = body
        self.answered = answered
        """The request that this is the answer to; None for a request."""
        self.dropped = False
        self.line = ""
        """What it means, in the field's words; written by the trace when it leaves."""

    @property
    def question(self) -> Message | None:
        """What this answers, if it is an answer."""
        return None if self.answered is None else self.answered.body

    @property
    def sender(self) -> Host:
        """Who sent it."""
        return self.stream.sender

    @property
    def receiver(self) -> Host:
        """Whom it goes to."""
        return self.stream.receiver

    def still(self) -> bool:
        """A dropped message never arrives; one for a paused host waits at its door."""
        stream = self.stream
        if self.dropped:
            return False
        links = self.network.links
        if (links.cuts or stream.stalled) and links.stalls(stream, self):
            return False
        host = stream.receiver
        return host.held is None or not host.hold(self)

    def happen(self) -> None:
        """Arrive."""
        self.network.deliver(self)


class Notice:
    """The news that a connection is gone, on its way to one of its ends."""

    __slots__ = ("connection", "local", "network", "to_client")

    def __init__(
        self, network: Network, connection: Connection, to_client: bool, local: bool
    ) -> None:
        self.network = network
        self.connection = connection
        self.to_client = to_client
        self.local = local
        """Whether the host finds out by itself, as when nobody lets it connect."""

    @property
    def stream(self) -> Stream:
        """The news travels behind the last message, as the end of a stream does."""
        return self.connection.responses if self.to_client else self.connection.requests

    @property
    def receiver(self) -> Host:
        """Who is to hear it."""
        return self.stream.receiver

    def still(self) -> bool:
        """Nobody is there to hear it, or it is no news: then it does not happen."""
        connection = self.connection
        news = connection.is_current if self.to_client else connection.server_knows
        if not news or not self.receiver.alive:
            return False
        if not self.local and self.network.links.stalls(self.stream, self):
            return False
        return not self.receiver.hold(self)

    def happen(self) -> None:
        """Tell that end."""
        self.network.tell(self)
