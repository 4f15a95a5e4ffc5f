"""Metadata: who is in the cluster, which topics there are, and who leads their partitions.

Every client begins with this (after ApiVersions), from any broker, and comes back whenever a broker
tells it that it is not the leader. Brokers answer from what they know, which may lag behind the
controller by moments.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    message,
    string,
    struct,
    uuid,
)


@struct
class MetadataRequestTopic(Message):
    """A topic, by name or (from version 12) by id."""

    topic_id: bytes = uuid(versions="10+", ignorable=True)
    name: str | None = string(nullable="10+")


@message(key=3, kind="request", versions="0-13", flexible="9+")
class MetadataRequest(Message):
    """Tell me about these topics, and about the brokers.

    - 0: an empty list asks for all topics
    - 1: null asks for all topics, an empty list for none
    - 2, 3: as 1; changes are in the response
    - 4: allow_auto_topic_creation (KAFKA-5291)
    - 5-7: as 4; changes are in the response
    - 8: the two fields about authorized operations (KIP-430)
    - 9: flexible (KIP-482)
    - 10: topic_id, though no broker served it before version 12 (KIP-516)
    - 11: no include_cluster_authorized_operations: DescribeCluster took its place (KIP-700)
    - 12: topics by id (KIP-516)
    - 13: as 12; changes are in the response
    """

    topics: list[MetadataRequestTopic] | None = array(MetadataRequestTopic, nullable="1+")
    allow_auto_topic_creation: bool = boolean(versions="4+", default=True)
    """Whether a topic that does not exist may be created by this request. Consumers say no; the
    broker has its own say, auto.create.topics.enable."""
    include_cluster_authorized_operations: bool = boolean(versions="8-10")
    include_topic_authorized_operations: bool = boolean(versions="8+")


@struct
class MetadataResponseBroker(Message):
    """A broker, and where to reach it."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(versions="1+", nullable="1+", default=None, ignorable=True)


@struct
class MetadataResponsePartition(Message):
    """A partition: its leader and its replicas."""

    error_code: int = int16()
    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32(versions="7+", default=-1, ignorable=True)
    """With it a client recognizes news that are older than what it knows already (KIP-320)."""
    replica_nodes: list[int] = array(int32)
    isr_nodes: list[int] = array(int32)
    offline_replicas: list[int] = array(int32, versions="5+", ignorable=True)


@struct
class MetadataResponseTopic(Message):
    """A topic and its partitions, or why there is nothing to tell about it."""

    error_code: int = int16()
    name: str | None = string(nullable="12+")
    """Null for a topic asked for by an id that nobody knows."""
    topic_id: bytes = uuid(versions="10+", ignorable=True)
    is_internal: bool = boolean(versions="1+", ignorable=True)
    partitions: list[MetadataResponsePartition] = array(MetadataResponsePartition)
    topic_authorized_operations: int = int32(versions="8+", default=-0x8000_0000)
    """A bit for each operation the client is allowed; the default says that it was not asked."""


@message(key=3, kind="response", versions="0-13", flexible="9+")
class MetadataResponse(Message):
    """The cluster as this broker knows it.

    - 0: brokers and topics
    - 1: rack, controller_id, is_internal (KIP-4)
    - 2: cluster_id (KIP-78)
    - 3: throttle_time_ms (KIP-124)
    - 4: as 3
    - 5: offline_replicas (KIP-112)
    - 6: the response comes at once even when the client is throttled (KIP-219)
    - 7: leader_epoch (KIP-320)
    - 8: authorized operations of topics and the cluster (KIP-430)
    - 9: flexible (KIP-482)
    - 10: topic_id (KIP-516)
    - 11: no cluster_authorized_operations: DescribeCluster took its place (KIP-700)
    - 12: the name may be null (KIP-516)
    - 13: error_code for the whole, so that a broker can ask for a new bootstrap (KIP-1102)
    """

    throttle_time_ms: int = int32(versions="3+", ignorable=True)
    brokers: list[MetadataResponseBroker] = array(MetadataResponseBroker)
    cluster_id: str | None = string(versions="2+", nullable="2+", default=None, ignorable=True)
    controller_id: int = int32(versions="1+", default=-1, ignorable=True)
    """Where to send what only a controller can do. In KRaft any broker will do, it forwards: so
    this is one of the brokers, chosen at random by Kafka."""
    topics: list[MetadataResponseTopic] = array(MetadataResponseTopic)
    cluster_authorized_operations: int = int32(versions="8-10", default=-0x8000_0000)
    error_code: int = int16(versions="13+", ignorable=True)
