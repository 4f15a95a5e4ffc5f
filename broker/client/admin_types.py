"""What an administrator gives and gets, apart from names: topics, settings, offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from broker.client.cluster_view import BrokerAddress
from broker.client.positions import BEGINNING, END

EARLIEST = BEGINNING
LATEST = END
MAX_TIMESTAMP = -3
"""In place of a timestamp: the record with the highest one (KIP-734)."""
BROKERS_CHOICE = -1
"""In place of a number of partitions or replicas: what the broker's settings say (KIP-464)."""
EVERYTHING = "*"
"""The key that stands for all topics; no topic can have this name."""
CLUSTER = "cluster"
"""The only key of `describe_cluster`."""
QUORUM = "quorum"
"""The only key of `describe_quorum`."""
NO_CONFIGS: Mapping[str, str] = MappingProxyType({})
NO_ASSIGNMENTS: Mapping[int, Sequence[int]] = MappingProxyType({})


class NewTopic(NamedTuple):
    """A topic to be created."""

    name: str
    num_partitions: int = BROKERS_CHOICE
    replication_factor: int = BROKERS_CHOICE
    configs: Mapping[str, str] = NO_CONFIGS
    replica_assignments: Mapping[int, Sequence[int]] = NO_ASSIGNMENTS
    """Where each partition shall lie, the preferred leader first; both numbers are -1 then."""


class CreatedTopic(NamedTuple):
    """What a new topic turned out to be (-1: the broker is too old to say)."""

    topic_id: bytes
    num_partitions: int
    replication_factor: int


class DescribedPartition(NamedTuple):
    """Who leads a partition, and who has its records."""

    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


class DescribedTopic(NamedTuple):
    """A topic and its partitions."""

    topic_id: bytes
    is_internal: bool
    partitions: dict[int, DescribedPartition]


class DescribedCluster(NamedTuple):
    """A cluster and its brokers."""

    cluster_id: str
    controller_id: int
    brokers: dict[int, BrokerAddress]


class OngoingReassignment(NamedTuple):
    """A partition on the move: all replicas it has now, who comes, and who goes."""

    replicas: tuple[int, ...]
    adding: tuple[int, ...]
    removing: tuple[int, ...]


class QuorumReplica(NamedTuple):
    """How far a node has come in the metadata log, and when (wall time in ms; -1: not known)."""

    log_end_offset: int
    last_fetch_ms: int
    last_caught_up_ms: int


class DescribedQuorum(NamedTuple):
    """The metadata quorum, as its leader sees it."""

    leader_id: int
    leader_epoch: int
    high_watermark: int
    voters: dict[int, QuorumReplica]
    observers: dict[int, QuorumReplica]


class ConfigResource(NamedTuple):
    """What has settings: ("topic", "orders") or ("broker", "1")."""

    kind: Literal["topic", "broker"]
    name: str


class ConfigEntry(NamedTuple):
    """A setting, and where its value comes from (ConfigSource in Kafka: 1 topic ... 5 default)."""

    value: str | None
    source: int
    read_only: bool
    is_sensitive: bool


class ListedOffset(NamedTuple):
    """An offset that was asked for by time. -1: there is no such record."""

    offset: int
    timestamp: int
    leader_epoch: int
