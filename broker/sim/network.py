"""The virtual network: TCP connections with delay, and with the ways in which they fail.

Messages travel as frozen objects, a few virtual milliseconds each. In some runs every one of them
goes through the codec on its way, so that the same runs test the bytes as well.

A connection here behaves as TCP does towards Kafka: bytes in one direction arrive in order or not
at all. So a message is never lost from the middle of a stream. When one is lost, the connection
has broken at that point: what was sent before still arrives, nothing that is sent after does, and
after a while each end is told, one perhaps long before the other. A producer that then sends its
batch once more, on a new connection, is how Kafka gets duplicates, with no network that duplicates.

Two hosts may have several connections: one for each *lane* (`broker.events`), because answers come
in the order of the questions, and a fetch that waits must not hold up a vote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from broker.events import (
    CLIENT,
    TO_CONTROLLERS,
    Close,
    Disconnected,
    HangUp,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)
from broker.sim.links import Links
from broker.sim.packets import Connection, Notice, Packet
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


class Network:
    """All connections, and what happens to messages on them."""

    def __init__(self, world: World, codec: bool) -> None:
        self.world = world
        self.codec = codec
        """Whether every message passes through bytes."""
        self.links = Links(world)
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
        self.late = 0.0
        """The share of requests that arrive late, from a connection that is given up by then."""
        self.late_us = 0
        self.packets = 0
        """How many messages there were; each bears its number."""
        self._dice = world.dice("network").random
        self._arrived: dict[int, Connection] = {}
        """Connections that their server knows of, by number."""
        self._opened = 0

    # -- sending --------------------------------------------------------------------------------

    def send(self, client: Host, effect: Send) -> None:
        """Take a request to a broker, over a new connection on its lane if there is none."""
        connection = client.connections.get((effect.peer, effect.lane))
        if connection is None:
            connection = self._connect(client, effect.peer, effect.lane)
        _, number, version, body, _ = effect
        self._transmit(Packet(self, connection, number, body.schema.key, version, body))

    def respond(self, effect: Respond) -> None:
        """Take an answer back, after those to all earlier requests on its connection."""
        connection = self._arrived.get(effect.connection)
        if connection is None:
            return
        connection.answers[effect.correlation_id] = effect
        waiting = connection.waiting
        while waiting and (answer := connection.answers.pop(waiting[0].correlation_id, None)):
            request = waiting.pop(0)
            _, number, api_key, version, body = answer
            if body is not None:
                self._transmit(Packet(self, connection, number, api_key, version, body, request))

    def _transmit(self, packet: Packet) -> None:
        connection, links = packet.connection, self.links
        if not connection.broken:
            loss = self.loss
            if links.losses:
                loss = links.losses.get((packet.sender.name, packet.receiver.name), loss)
            if loss and self._dice() < loss:
                self.sever(connection)
        if connection.broken:
            packet.dropped = True
            if self.recorder is not None:
                self.recorder.sent(packet, None)
            return
        late = self.late and packet.answered is None and self._dice() < self.late
        arrives_us = self._arrival(packet, self.late_us if late else 0)
        if late:
            self.sever(connection)
        if self.recorder is not None:
            self.recorder.sent(packet, arrives_us)
        if self.codec:
            packet.body = through_bytes(packet)
        self.world.plan(arrives_us, packet)

    def _arrival(self, packet: Packet, late_us: int) -> int:
        """When a message arrives: after its delay, and not before those that were sent earlier."""
        stream, delays = packet.stream, self.links.delays
        span_us = self.delay_us
        if delays:
            span_us = delays.get((stream.sender.name, stream.receiver.name), span_us)
        low, high = span_us
        arrives_us = self.world.now_us + low + int(self._dice() * (high - low))
        if late_us:
            arrives_us += self._draw((0, late_us))
        if arrives_us < stream.arrival_us:
            arrives_us = stream.arrival_us
        stream.arrival_us = arrives_us
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
            connection.client.handle(
                ResponseArrived(
                    connection.peer, packet.correlation_id, packet.body, connection.lane
                )
            )
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
                connection.client.client_id,
                packet.body,
                connection.lane in TO_CONTROLLERS,
            )
        )

    # -- connections ----------------------------------------------------------------------------

    def _connect(self, client: Host, peer: int, lane: str) -> Connection:
        server = self.hosts.get(str(peer))
        if server is None:
            raise InvariantError(f"{client.name} sends to broker {peer}, which does not exist")
        self._opened += 1
        connection = Connection(self._opened, client, peer, lane, server)
        client.connections[peer, lane] = connection
        if not server.listens_on(lane):
            self.sever(connection)
        elif not self.links.lets_connect(client.name, server.name):
            connection.broken = True
            self._notify(connection, to_client=True, local=True)
        return connection

    def sever(self, connection: Connection) -> None:
        """Break a connection here and now. What is on its way arrives; both ends hear of it later.

        The news travels behind the last message, as the end of a stream does.
        """
        if connection.broken:
            return
        connection.broken = True
        for to_client in (True, False):
            self._notify(connection, to_client=to_client, local=False)

    def _notify(self, connection: Connection, *, to_client: bool, local: bool) -> None:
        notice = Notice(self, connection, to_client, local)
        told_us = max(self.world.now_us + self._draw(self.notice_us), notice.stream.arrival_us)
        self.world.plan(told_us, notice)

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
            self.hang_up(host, HangUp(effect.connection, CLIENT))

    def hang_up(self, host: Host, effect: HangUp) -> None:
        """Who opened a connection gives it up: no answer that is still on its way will arrive."""
        connection = host.connections.pop((effect.peer, effect.lane), None)
        if connection is not None:
            self.sever(connection)
            self._drop([p for p in self._on_their_way(host) if p.stream is connection.responses])

    def tell(self, notice: Notice) -> None:
        """One end hears that its connection is gone."""
        connection = notice.connection
        host = notice.receiver
        if self.recorder is not None:
            other = connection.server if notice.to_client else connection.client
            self.recorder.connection_lost(host.name, other.name)
        if notice.to_client:
            del connection.client.connections[connection.peer, connection.lane]
            host.handle(PeerLost(connection.peer, connection.lane))
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
        self._drop(self._on_their_way(host))

    def _on_their_way(self, host: Host) -> list[Packet]:
        """Messages to a host that have not arrived: on the wire, at a cut, or at its door."""
        coming = [*self.world.planned(), *self.links.waiting(), *(host.held or [])]
        packets = [item for item in coming if isinstance(item, Packet) and not item.dropped]
        return [packet for packet in packets if packet.receiver is host]

    def _drop(self, packets: list[Packet]) -> None:
        for packet in sorted(packets, key=lambda packet: packet.number):
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
            client_id=packet.connection.client.client_id,
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
