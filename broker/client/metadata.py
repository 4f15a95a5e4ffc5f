"""Keeping the view of the cluster up to date.

A client asks for Metadata when it has to (a leader is unknown, a broker said "not me", a topic is
new), and from time to time anyhow. One request at a time, to whichever broker is at hand. If the
answers do not help, the questions get rarer: an election takes a moment, and a thousand clients
that ask at full speed would only make it longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.backoff import ExponentialBackoff
from broker.client.cluster_view import BrokerAddress, ClusterView, Leadership, TopicPartition
from broker.client.connections import US_PER_MS, Answer, Connections
from broker.events import Now
from broker.wire.errors import ErrorCode
from broker.wire.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse

STALE_VIEW = frozenset(
    {
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.LEADER_NOT_AVAILABLE,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.REPLICA_NOT_AVAILABLE,
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.KAFKA_STORAGE_ERROR,
        ErrorCode.LISTENER_NOT_FOUND,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.INCONSISTENT_TOPIC_ID,
    }
)
"""Errors that say: look again who leads (InvalidMetadataException in Kafka)."""
MAX_VERSION_WITHOUT_IDS = 12
"""Produce and Fetch name topics up to this version, and bear their ids from the next one on."""


class _Refresh(NamedTuple):
    """The purpose of a Metadata request."""


@dataclass(slots=True)
class MetadataUpdater:
    """Asks for Metadata, and feeds a `ClusterView` with the answers."""

    connections: Connections
    cluster: ClusterView
    bootstrap: tuple[int, ...]
    topics: dict[str, None] = field(default_factory=dict)
    """The topics of interest, in the order in which they came up."""
    updates: int = 0
    """How many answers there were. Who waits for one compares."""
    _needed: bool = True
    _impatient: bool = False
    """A topic came up that was never asked for: the backoff is not meant for it."""
    _in_flight: bool = False
    _asked_in_vain: int = 0
    _answered_at_us: int = 0
    _not_before_us: int = 0
    _expires_at_us: int | None = None
    _wake_at_us: int | None = None

    def want(self) -> None:
        """The view is no longer good enough; ask as soon as the backoff allows."""
        self._needed = True

    def watch(self, topic: str) -> None:
        """A topic has become of interest."""
        if topic not in self.topics:
            self.topics[topic] = None
            self._needed = self._impatient = True

    def learn_leader(self, where: TopicPartition, leader: int, epoch: int) -> None:
        """A broker refused, and may have said who leads instead (KIP-951). If not, ask."""
        if not self.cluster.learn_leader(where, Leadership(leader, epoch)):
            self.want()

    def learn_broker(self, node_id: int, host: str, port: int, rack: str | None) -> None:
        """That leader may be a broker that was not heard of before."""
        self.cluster.brokers[node_id] = BrokerAddress(host, port, rack)

    def advance(self, now: Now) -> None:
        """Ask, if it is time to and somebody can be asked."""
        self._wake_at_us = None
        if self._in_flight:
            return
        due_at = self._due_at()
        if due_at is None or now.mono_us < due_at:
            self._wake_at_us = due_at
            return
        peer = self.pick_peer(now)
        if peer is not None:
            self._ask(peer, now)
        # Otherwise a connection is being opened, or will be tried again: that wakes us.

    def _due_at(self) -> int | None:
        if self._needed:
            return 0 if self._impatient else self._not_before_us
        return self._expires_at_us

    def _ask(self, peer: int, now: Now) -> None:
        config = self.connections.config
        quiet_us = now.mono_us - self._answered_at_us
        if self._impatient or quiet_us > 2 * config.retry_backoff_max_ms * US_PER_MS:
            self._asked_in_vain = 0
        request = MetadataRequest(
            topics=[MetadataRequestTopic(name=name) for name in self.topics],
            allow_auto_topic_creation=config.allow_auto_create_topics,
        )
        self.connections.send(peer, request, _Refresh(), now)
        self._in_flight = True
        # What is asked for from here on is not answered by the request that has just left.
        self._needed = self._impatient = False

    def pick_peer(self, now: Now) -> int | None:
        """A broker that can take a request now: of the reliable ones, the one with least to do.

        If there is none, one is approached, and the answer is None until it is ready. When no
        broker of the view can be reached, the client starts over from its bootstrap peers, because
        the whole cluster may have moved (KIP-899).
        """
        known = list(self.cluster.brokers)
        if not any(self.connections.reachable(peer, now) for peer in known):
            known = [*self.bootstrap, *(peer for peer in known if peer not in self.bootstrap)]
        best_first = sorted(known, key=self.connections.burden)
        ready = [peer for peer in best_first if self.connections.is_ready(peer)]
        if ready:
            return ready[0]
        if any(self.connections.is_opening(peer) for peer in known):
            return None
        reachable = [peer for peer in best_first if self.connections.reachable(peer, now)]
        for peer in (
            reachable[:1] or best_first
        ):  # too early for all: the first backoff to end wakes us
            self.connections.ready(peer, now)
        return None

    def take(self, answer: Answer, now: Now) -> bool:
        """Take in an answer if it is one to our question."""
        if not isinstance(answer.purpose, _Refresh):
            return False
        config = self.connections.config
        backoff = ExponentialBackoff(
            config.retry_backoff_ms, config.retry_backoff_max_ms, self.connections.entropy
        )
        self._in_flight = False
        self._answered_at_us = now.mono_us
        self._not_before_us = now.mono_us + backoff.delay_us(self._asked_in_vain)
        self._asked_in_vain += 1
        if isinstance(answer.response, MetadataResponse):
            self.cluster.learn(answer.response)
            self.updates += 1
            self._expires_at_us = now.mono_us + config.metadata_max_age_ms * US_PER_MS
        else:
            self._needed = True
        return True

    def deadline(self) -> int | None:
        """When to ask next, if nothing else happens before."""
        return self._wake_at_us
