"""Machines small enough to see through: they speak the joint, and know no Kafka."""

from __future__ import annotations

from broker.events import (
    Close,
    Disconnected,
    Effect,
    Event,
    Now,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
    Send,
)
from broker.sim.hosts import Host
from broker.sim.network import Network
from broker.sim.world import World
from broker.wire.messages.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from broker.wire.schema import Message


class Asker:
    """A client that asks its peer, and writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.wants: int | None = None
        self._correlation_id = 0

    def start(self, now: Now) -> list[Effect]:
        return []

    def handle(self, event: Event, now: Now) -> list[Effect]:
        if isinstance(event, ResponseArrived):
            self.heard.append(("answer", event.correlation_id))
        elif isinstance(event, PeerLost):
            self.heard.append(("lost", event.peer))
        else:
            self.heard.append(("deadline", now.mono_us))
            self.wants = None
        return []

    def deadline(self) -> int | None:
        return self.wants

    def ask(self, peer: int = 1) -> list[Effect]:
        self._correlation_id += 1
        return [Send(peer, self._correlation_id, 0, DescribeClusterRequest())]


class Answerer:
    """A server that answers at once, or when it is told to."""

    def __init__(self, *, patient: bool = False) -> None:
        self.patient = patient
        self.asked: list[RequestArrived] = []
        self.bodies: list[Message | None] = []
        self.gone: list[int] = []

    def start(self, now: Now) -> list[Effect]:
        return []

    def handle(self, event: Event, now: Now) -> list[Effect]:
        if isinstance(event, Disconnected):
            self.gone.append(event.connection)
        if not isinstance(event, RequestArrived):
            return []
        self.asked.append(event)
        self.bodies.append(event.body)
        return [] if self.patient else [self.answer(event)]

    def answer(self, event: RequestArrived) -> Respond:
        body = DescribeClusterResponse(cluster_id="toy")
        return Respond(
            event.connection, event.correlation_id, event.api_key, event.api_version, body
        )

    def hang_up(self, connection: int) -> list[Effect]:
        return [Close(connection, "enough")]

    def deadline(self) -> int | None:
        return None


class OpenHost(Host):
    """A host that takes connections as long as its machine lives."""

    kind = "broker"

    def listens_on(self, lane: str) -> bool:
        return self.alive


def toy_network(
    seed: int = 7, *, patient: bool = False, codec: bool = False
) -> tuple[Network, Host, Asker, Host, Answerer]:
    """A network with one client, who has not asked yet, and one server."""
    network = Network(World(seed), codec)
    asker, answerer = Asker(), Answerer(patient=patient)
    client, server = Host("shop", network), OpenHost("1", network)
    network.hosts = {"1": server, "shop": client}
    server.boot(answerer)
    client.boot(asker)
    return network, client, asker, server, answerer


def run(network: Network) -> None:
    """Let everything happen that is planned."""
    network.world.end_step()
    while network.world.step():
        pass
