"""What a handler may use of the node: its parts, and a way to answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from broker.api.forwarding import Envelopes, Forwarder
from broker.api.waiters import CommitWaiter, FetchWaiter, NewsWaiter, ProduceWaiter
from broker.events import (
    FORWARD,
    ISR,
    LOOPBACK,
    QUORUM,
    REGISTRATION,
    REPLICATION,
    TO_CONTROLLERS,
    Close,
    Effect,
    Entropy,
    Now,
    PeerLost,
    RequestArrived,
    Respond,
    ResponseArrived,
)
from broker.metadata.configs import BrokerConfig
from broker.metadata.controller import Controller
from broker.metadata.image import ClusterImage
from broker.metadata.lifecycle import BrokerLifecycle
from broker.metadata.producer_ids import ProducerIds
from broker.quorum.quorum import Quorum
from broker.replication.replicas import Replicas
from broker.replication.waiting import WaitingRoom
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.schema import Message


class LaneOwner(Protocol):
    """A part that asks other nodes, on a lane of its own."""

    def response(self, event: ResponseArrived, now: Now) -> None: ...
    def peer_lost(self, event: PeerLost, now: Now) -> None: ...


@dataclass(slots=True)
class Broker:
    """The parts of one node, as its handlers see them."""

    config: BrokerConfig
    cluster_id: str
    entropy: Entropy
    image: ClusterImage
    """The committed metadata: what this node acts on and tells its clients."""
    quorum: Quorum
    controller: Controller
    replicas: Replicas
    lifecycle: BrokerLifecycle
    forwarder: Forwarder
    producer_ids: ProducerIds
    effects: list[Effect]
    """What goes to clients and the disk."""
    outbox: list[Effect]
    """What goes to nodes, and to this one itself."""
    envelopes: Envelopes = field(default_factory=Envelopes)
    produces: WaitingRoom[ProduceWaiter] = field(default_factory=WaitingRoom)
    fetches: WaitingRoom[FetchWaiter] = field(default_factory=WaitingRoom)
    news: WaitingRoom[NewsWaiter] = field(default_factory=WaitingRoom)
    commits: deque[CommitWaiter] = field(default_factory=deque)
    heartbeats: dict[int, int] = field(default_factory=dict)
    """By broker: the connection on which its last heartbeat came."""

    @property
    def node_id(self) -> int:
        """This node's id."""
        return self.config.node_id

    @property
    def controller_id(self) -> int:
        """Whom clients may send what changes the cluster: any live broker passes it on, and the
        active controller, if it is one of them, saves the detour."""
        leader = self.image.brokers.get(self.quorum.leader_id)
        return self.node_id if leader is None or leader.fenced else leader.broker_id

    @property
    def has_heirs(self) -> bool:
        """Whether there is a broker that could lead what this one leads."""
        if not self.config.is_broker or not self.config.controlled_shutdown_enable:
            return False
        return any(live.broker_id != self.node_id for live in self.image.live_brokers())

    def address(self, peer: int, lane: str) -> tuple[str, int] | None:
        """Where a lane to another node leads; None if nobody knows."""
        if lane in TO_CONTROLLERS:
            voters = self.config.voters
            return next(((v.host, v.port) for v in voters if v.voter_id == peer), None)
        registered = self.image.brokers.get(peer)
        return None if registered is None else (registered.host, registered.port)

    def active_controller(self) -> Controller:
        """The controller, if it is this node that decides. Raises NOT_CONTROLLER otherwise."""
        if not self.controller.active:
            raise ApiError(ErrorCode.NOT_CONTROLLER)
        return self.controller

    def lane_owners(self) -> dict[str, LaneOwner]:
        """Who asks, and must hear the answers."""
        return {
            QUORUM: self.quorum,
            REGISTRATION: self.lifecycle,
            FORWARD: self.forwarder,
            ISR: self.replicas,
            REPLICATION: self.replicas,
        }

    # -- answering --------------------------------------------------------------------------------

    def respond(self, request: RequestArrived, response: Message | None) -> None:
        """Answer a request; None frees its place in the order of answers and sends nothing."""
        connection, correlation_id, api_key, api_version, *_ = request
        if connection < LOOPBACK:
            self._respond_in_envelope(request, response)
            return
        answer = Respond(connection, correlation_id, api_key, api_version, response)
        (self.effects if connection else self.outbox).append(answer)

    def refuse(self, request: RequestArrived, error: ApiError) -> None:
        """Answer with an error, in whatever way the API has for it; without one, hang up."""
        from broker.api.refusals import refusal  # needed by few, and not at the start

        if request.connection < LOOPBACK and error.code is ErrorCode.NOT_CONTROLLER:
            outer = self.envelopes.close(request.connection)
            if outer is not None:
                self.refuse(outer, error)
            return
        response = refusal(request, error)
        if response is not None:
            self.respond(request, response)
        elif request.connection > LOOPBACK:
            self.close(request.connection, error.message)

    def close(self, connection: int, reason: str) -> None:
        """Close a connection on which nothing sensible can be answered."""
        self.effects.append(Close(connection, reason))

    def after_commit(self, offset: int, request: RequestArrived, response: Message) -> None:
        """Answer once the metadata are committed up to `offset`, which may be so already."""
        if offset <= self.image.offset + 1 and not self.commits:
            self.respond(request, response)
            return
        if self.commits:
            # Who decided on nothing may still have seen what is not committed yet.
            offset = max(offset, self.commits[-1].offset)
        self.commits.append(CommitWaiter(offset, request, response))

    def disconnected(self, connection: int, now: Now) -> None:
        """A connection is gone: nobody is left to answer, and a broker may be dead."""
        for broker_id in [who for who, at in self.heartbeats.items() if at == connection]:
            del self.heartbeats[broker_id]
            if self.controller.active:
                self.controller.broker_hung_up(broker_id, now)
        self.produces.forget(connection)
        self.fetches.forget(connection)
        self.news.forget(connection)
        self.forwarder.forget(connection)
        self.envelopes.forget(connection)

    def _respond_in_envelope(self, request: RequestArrived, response: Message | None) -> None:
        outer = self.envelopes.close(request.connection)
        if outer is not None and response is not None:
            self.respond(outer, self.envelopes.wrap(request, response))
