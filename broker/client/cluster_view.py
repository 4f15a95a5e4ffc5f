"""What a client believes about the cluster: who listens where, who leads which partition.

A client asks any broker for Metadata, and from then on talks to leaders directly. The view may be
old: a leader moved, a topic is gone. That is no error. The broker that is wrongly asked says so
(NOT_LEADER_OR_FOLLOWER), the client looks again, and leader epochs tell which of two answers is the
newer one (KIP-320).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.outcomes import error_code
from broker.wire.errors import ErrorCode
from broker.wire.messages.metadata import MetadataResponse, MetadataResponseTopic
from broker.wire.primitives import ZERO_UUID

NO_LEADER = -1
NO_EPOCH = -1


class TopicPartition(NamedTuple):
    """A partition's name, as Kafka prints it: orders-0."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class BrokerAddress(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int
    rack: str | None = None


class Leadership(NamedTuple):
    """Who leads a partition, since which leader epoch. NO_LEADER: nobody at the moment."""

    leader: int
    epoch: int


_NOBODY = Leadership(NO_LEADER, NO_EPOCH)


@dataclass(slots=True)
class TopicView:
    """One topic, as of the last answer that knew it."""

    topic_id: bytes
    partitions: dict[int, Leadership]

    @property
    def available(self) -> list[int]:
        """The partitions that have a leader, in order."""
        return [p for p, who in sorted(self.partitions.items()) if who.leader != NO_LEADER]


@dataclass(slots=True)
class ClusterView:
    """The sum of the Metadata answers so far."""

    brokers: dict[int, BrokerAddress] = field(default_factory=dict)
    topics: dict[str, TopicView] = field(default_factory=dict)
    topic_errors: dict[str, ErrorCode] = field(default_factory=dict)
    """What the last answer said instead of describing a topic."""
    controller_id: int = NO_LEADER
    cluster_id: str | None = None

    def leader(self, where: TopicPartition) -> int | None:
        """The node to ask about a partition, or None if nobody is known to lead it."""
        leader = self.leadership(where).leader
        return None if leader == NO_LEADER else leader

    def leadership(self, where: TopicPartition) -> Leadership:
        """The leader and its epoch."""
        topic = self.topics.get(where.topic)
        return _NOBODY if topic is None else topic.partitions.get(where.partition, _NOBODY)

    def topic_id(self, topic: str) -> bytes:
        """The id of a topic; all zeros where it is not known."""
        view = self.topics.get(topic)
        return ZERO_UUID if view is None else view.topic_id

    def learn(self, answer: MetadataResponse) -> None:
        """Take in an answer. Brokers are replaced, topics are brought up to date."""
        self.brokers = {
            broker.node_id: BrokerAddress(broker.host, broker.port, broker.rack)
            for broker in answer.brokers
        }
        self.controller_id = answer.controller_id
        self.cluster_id = answer.cluster_id
        for topic in answer.topics:
            self._learn_topic(topic)

    def _learn_topic(self, answer: MetadataResponseTopic) -> None:
        name = answer.name or ""
        code = error_code(answer.error_code)
        if code is not ErrorCode.NONE:
            self.topic_errors[name] = code
            if code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                self.topics.pop(name, None)
            return
        self.topic_errors.pop(name, None)
        known = self.topics.get(name)
        # A topic that was deleted and created again has a new id, and its epochs start over.
        same = known is not None and known.topic_id == answer.topic_id
        older = known.partitions if known is not None and same else {}
        partitions = {
            p.partition_index: _newer(
                Leadership(p.leader_id, p.leader_epoch), older.get(p.partition_index)
            )
            for p in answer.partitions
        }
        self.topics[name] = TopicView(answer.topic_id, partitions)

    def learn_leader(self, where: TopicPartition, leadership: Leadership) -> bool:
        """Take in what a refusal said about the new leader (KIP-951). True if that is news."""
        topic = self.topics.get(where.topic)
        if topic is None or where.partition not in topic.partitions:
            return False
        if leadership.epoch <= topic.partitions[where.partition].epoch:
            return False
        topic.partitions[where.partition] = leadership
        return True


def _newer(answer: Leadership, known: Leadership | None) -> Leadership:
    """The one with the higher epoch: a broker that lags behind may answer with the past."""
    if known is not None and answer.epoch != NO_EPOCH and answer.epoch < known.epoch:
        return known
    return answer
