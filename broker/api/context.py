"""What a handler may use of the broker: its parts, and a way to answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from broker.api.waiters import CommitWaiter, FetchWaiter, ProduceWaiter
from broker.events import Close, Effect, Entropy, RequestArrived, Respond
from broker.metadata.configs import BrokerConfig
from broker.metadata.controller import Controller
from broker.metadata.image import ClusterImage
from broker.metadata.producer_ids import ProducerIds
from broker.replication.replicas import Replicas
from broker.replication.waiting import WaitingRoom
from broker.wire.schema import Message


@dataclass(slots=True)
class Broker:
    """The parts of one broker, as its handlers see them."""

    config: BrokerConfig
    cluster_id: str
    entropy: Entropy
    image: ClusterImage
    """The committed metadata: what this broker acts on and tells its clients."""
    controller: Controller
    replicas: Replicas
    producer_ids: ProducerIds
    effects: list[Effect]
    produces: WaitingRoom[ProduceWaiter] = field(default_factory=WaitingRoom)
    fetches: WaitingRoom[FetchWaiter] = field(default_factory=WaitingRoom)
    commits: deque[CommitWaiter] = field(default_factory=deque)

    @property
    def node_id(self) -> int:
        """This broker's id."""
        return self.config.node_id

    def respond(self, request: RequestArrived, response: Message | None) -> None:
        """Answer a request; None frees its place in the order of answers and sends nothing."""
        connection, correlation_id, api_key, api_version, *_ = request
        answer = Respond(connection, correlation_id, api_key, api_version, response)
        self.effects.append(answer)

    def close(self, connection: int, reason: str) -> None:
        """Close a connection on which nothing sensible can be answered."""
        self.effects.append(Close(connection, reason))

    def after_commit(
        self, offset: int, request: RequestArrived, response: Message | None = None
    ) -> None:
        """Answer once the metadata are committed up to `offset`, which may be so already."""
        self.commits.append(CommitWaiter(offset, request, response))
