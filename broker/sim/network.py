"""The virtual network: TCP connections with delay, and with the ways in which they fail.

Messages travel as frozen objects, a few virtual milliseconds each. In some runs every one of them
goes through the codec on its way, so that the same runs test the bytes as well.

A connection here behaves as TCP does towards Kafka: bytes in one direction arrive in order or not
at all. So a message is never lost from the middle of a stream. When one is lost, the connection
has broken at that point: what was sent before still arrives, nothing that is sent after does, and
after a while each end is told, one perhaps long before the other. A producer that then sends its
batch once more, on a new connection, is how Kafka gets duplicates, with no network that duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from broker.events import (
    Close,
    Disconnected,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)
from broker.sim.world import World
from broker.wire import frames
from broker.wire.errors import InvariantError, invariant
from broker.wire.messages.headers import RequestHeader
from broker.wire.schema import Message

if TYPE_CHECKING:
    from broker.sim.hosts import Host


class Recorder(Protocol):
    """Who watches: the trace, or nobody. Watching changes nothing."""

    def cause(self, kind: str, who: str, text: str) -> None:
        """Why this step happens."""

    def connection_lost(self, who: str, other: str) -> None:
        """One end of a connection hears that it is gone."""

    def sent(self, packet: Packet, arrives_us: int | None) -> None:
        """A message leaves; `arrives_us` is None when it is lost on its way."""

    def received(self, packet: Packet) -> None:
        """A message arrives, and is the cause of this step."""

    def lost(self, packet: Packet) -> None:
        """A message that was on its way will not arrive after all."""


class Connection:
    """A connection that one host opened to another. The number is what the server knows it by."""

    __slots__ = (
        "answers", "broken", "client", "number", "peer", "request_arrival_us",
        "response_arrival_us", "server", "server_knows", "waiting",
    )  # fmt: skip

    def __init__(self, number: int, client: Host, peer: int, server: Host) -> None:
        self.number = number
        self.client = client
        self.peer = peer
        self.server = server
        self.broken = False
        self.server_knows = False
        """Whether a request has ever arrived, so that the server has to be told of the end."""
        self.request_arrival_us = 0
        self.response_arrival_us = 0
        self.waiting: list[Packet] = []
        """Requests that have arrived and are not answered yet, in order."""
        self.answers: dict[int, Respond] = {}
        """Answers that must not leave yet, because an earlier request is still waiting."""


class Packet:
    """A message on its way."""

    __slots__ = (
        "answered", "api_key", "api_version", "body", "connection", "correlation_id", "dropped",
        "line", "network", "number",
    )  # fmt: skip

    def __init__(
        self,
        network: Network,
        connection: Connection,
        *,
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
        return self.connection.client if self.answered is None else self.connection.server

    @property
    def receiver(self) -> Host:
        """Whom it goes to."""
        return self.connection.server if self.answered is None else self.connection.client

    def still(self) -> bool:
        """A dropped message never arrives; one for a paused host waits at its door."""
        if self.dropped:
            return False
        host = self.connection.server if self.answered is None else self.connection.client
        return host.held is None or not host.hold(self)

    def happen(self) -> None:
        """Arrive."""
        self.network.deliver(self)


class Notice:
    """The news that a connection is gone, on its way to one of its ends."""

    __slots__ = ("connection", "to_client")

    def __init__(self, connection: Connection, to_client: bool) -> None:
        self.connection = connection
        self.to_client = to_client

    @property
    def receiver(self) -> Host:
        """Who is to hear it."""
        return self.connection.client if self.to_client else self.connection.server

    def still(self) -> bool:
        """Nobody is there to hear it, or it is no news: then it does not happen."""
        connection = self.connection
        if self.to_client:
            news = connection.client.connections.get(connection.peer) is connection
        else:
            news = connection.server_knows
        return news and self.receiver.alive and not self.receiver.hold(self)

    def happen(self) -> None:
        """Tell that end."""
        self.connection.client.network.tell(self)


class Network:
    """All connections, and what happens to messages on them."""

    def __init__(self, world: World, codec: bool) -> None:
        self.world = world
        self.codec = codec
        """Whether every message passes through bytes."""
        self.hosts: dict[str, Host] = {}
        self.recorder: Recorder | None = None
        self.stirred: list[Host] = []
        """Hosts whose machines were at work in this step."""
        self.delay_us = (1_000, 4_000)
        """The least and the most that a message takes."""
        self.notice_us = (5_000, 50_000)
        """The least and the most until an end hears that its connection is gone."""
        self.loss = 0.0
        """The share of messages that is lost, each taking its connection with it."""
        self.packets = 0
        """How many messages there were; each bears its number."""
        self._dice = world.dice("network").random
        self._arrived: dict[int, Connection] = {}
        """Connections that their server knows of, by number."""
        self._opened = 0

    # -- sending --------------------------------------------------------------------------------

    def send(self, client: Host, effect: Send) -> None:
        """Take a request from a client to a broker, over a new connection if there is none."""
        connection = client.connections.get(effect.peer)
        if connection is None:
            connection = self._connect(client, effect.peer)
        packet = Packet(
            self,
            connection,
            correlation_id=effect.correlation_id,
            api_key=effect.body.schema.key,
            api_version=effect.api_version,
            body=effect.body,
        )
        self._transmit(packet)

    def respond(self, effect: Respond) -> None:
        """Take an answer back, after those to all earlier requests on its connection."""
        connection = self._arrived.get(effect.connection)
        if connection is None:
            return
        connection.answers[effect.correlation_id] = effect
        waiting = connection.waiting
        while waiting and (answer := connection.answers.pop(waiting[0].correlation_id, None)):
            request = waiting.pop(0)
            if answer.body is not None:
                self._transmit(self._answer(connection, request, answer, answer.body))

    def _answer(
        self, connection: Connection, request: Packet, answer: Respond, body: Message
    ) -> Packet:
        return Packet(
            self,
            connection,
            correlation_id=answer.correlation_id,
            api_key=answer.api_key,
            api_version=answer.api_version,
            body=body,
            answered=request,
        )

    def _transmit(self, packet: Packet) -> None:
        connection = packet.connection
        if not connection.broken and self.loss and self._dice() < self.loss:
            self.sever(connection)
        if connection.broken:
            packet.dropped = True
            if self.recorder is not None:
                self.recorder.sent(packet, None)
            return
        arrives_us = self._arrival(packet)
        if self.recorder is not None:
            self.recorder.sent(packet, arrives_us)
        if self.codec:
            packet.body = through_bytes(packet)
        self.world.plan(arrives_us, packet)

    def _arrival(self, packet: Packet) -> int:
        """When a message arrives: after its delay, and not before those that were sent earlier."""
        connection = packet.connection
        arrives_us = self.world.now_us + self._draw(self.delay_us)
        if packet.answered is None:
            if arrives_us < connection.request_arrival_us:
                arrives_us = connection.request_arrival_us
            connection.request_arrival_us = arrives_us
        else:
            if arrives_us < connection.response_arrival_us:
                arrives_us = connection.response_arrival_us
            connection.response_arrival_us = arrives_us
        return arrives_us

    def _draw(self, span_us: tuple[int, int]) -> int:
        low, high = span_us
        return low + int(self._dice() * (high - low))

    # -- arriving -------------------------------------------------------------------------------

    def deliver(self, packet: Packet) -> None:
        """A message has arrived: its receiver's machine hears of it."""
        if self.recorder is not None:
            self.recorder.received(packet)
        connection = packet.connection
        if packet.answered is not None:
            event = ResponseArrived(connection.peer, packet.correlation_id, packet.body)
            connection.client.handle(event)
            return
        if not connection.server_knows:
            connection.server_knows = True
            self._arrived[connection.number] = connection
        connection.waiting.append(packet)
        connection.server.handle(
            RequestArrived(
                connection.number,
                packet.correlation_id,
                packet.api_key,
                packet.api_version,
                connection.client.name,
                packet.body,
            )
        )

    # -- connections ----------------------------------------------------------------------------

    def _connect(self, client: Host, peer: int) -> Connection:
        server = self.hosts.get(str(peer))
        if server is None:
            raise InvariantError(f"{client.name} sends to broker {peer}, which does not exist")
        self._opened += 1
        connection = Connection(self._opened, client, peer, server)
        client.connections[peer] = connection
        if not server.listens_to(client):
            self.sever(connection)
        return connection

    def sever(self, connection: Connection) -> None:
        """Break a connection here and now. What is on its way arrives; both ends hear of it later.

        The news travels behind the last message, as the end of a stream does.
        """
        if connection.broken:
            return
        connection.broken = True
        for to_client in (True, False):
            last_us = connection.response_arrival_us if to_client else connection.request_arrival_us
            told_us = max(self.world.now_us + self._draw(self.notice_us), last_us)
            self.world.plan(told_us, Notice(connection, to_client))

    def close(self, host: Host, effect: Close) -> None:
        """A host closes a connection: it knows at once, the other end when the news arrives.

        A broker names the connection by its number, a client by the peer at its other end.
        """
        if host.kind == "broker":
            connection = self._arrived.get(effect.connection)
            if connection is not None and connection.server is host:
                self.sever(connection)
                self._forget(connection)
        else:
            connection = host.connections.pop(effect.connection, None)
            if connection is not None:
                self.sever(connection)

    def tell(self, notice: Notice) -> None:
        """One end hears that its connection is gone."""
        connection = notice.connection
        host = notice.receiver
        if self.recorder is not None:
            other = connection.server if notice.to_client else connection.client
            self.recorder.connection_lost(host.name, other.name)
        if notice.to_client:
            del connection.client.connections[connection.peer]
            host.handle(PeerLost(connection.peer))
        else:
            self._forget(connection)
            host.handle(Disconnected(connection.number))

    def _forget(self, connection: Connection) -> None:
        connection.server_knows = False
        del self._arrived[connection.number]

    def drop_host(self, host: Host) -> None:
        """A host goes down: messages to it are lost, and those who talked to it will hear of it.

        What it had sent is on the wire already and arrives.
        """
        for other in self.hosts.values():
            for connection in other.connections.values():
                if host in (other, connection.server):
                    self.sever(connection)
        host.connections.clear()
        for connection in list(self._arrived.values()):
            if connection.server is host:
                self._forget(connection)
        coming = [*self.world.planned(), *(host.held or [])]
        packets = [item for item in coming if isinstance(item, Packet) and not item.dropped]
        for packet in sorted(packets, key=lambda packet: packet.number):
            if packet.receiver is host:
                packet.dropped = True
                if self.recorder is not None:
                    self.recorder.lost(packet)


def through_bytes(packet: Packet) -> Message:
    """What arrives of a message after it was written as bytes and read again."""
    if packet.answered is None:
        header = RequestHeader(
            request_api_key=packet.api_key,
            request_api_version=packet.api_version,
            correlation_id=packet.correlation_id,
            client_id=packet.connection.client.name,
        )
        frame = frames.encode_request(header, packet.body)
        _, body = frames.decode_request(memoryview(frame)[frames.SIZE_BYTES :])
        invariant(body is not None, f"our own {type(packet.body).__name__} cannot be read")
        return cast(Message, body)
    frame = frames.encode_response(
        packet.api_key, packet.api_version, packet.correlation_id, packet.body
    )
    return frames.decode_response(
        packet.api_key, packet.api_version, memoryview(frame)[frames.SIZE_BYTES :]
    )[1]
