"""DescribeQuorum: who leads the metadata quorum, and how far has everybody come? (KIP-595)

Only the leader can tell. Brokers pass the question on to it.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
    uint16,
    uuid,
)

# -- request --------------------------------------------------------------------------------------


@struct
class PartitionData(Message):
    """A partition of the topic: there is one, 0."""

    partition_index: int = int32()


@struct
class TopicData(Message):
    """The one topic of the quorum, `__cluster_metadata`."""

    topic_name: str = string()
    partitions: list[PartitionData] = array(PartitionData)


@message(key=55, kind="request", versions="0-2", flexible="0+")
class DescribeQuorumRequest(Message):
    """How is the quorum?

    - 0: topics; flexible from the start (KIP-595)
    - 1, 2: as 0; changes are in the response
    """

    topics: list[TopicData] = array(TopicData)


# -- response -------------------------------------------------------------------------------------


@struct
class ReplicaState(Message):
    """How far a voter or observer has come."""

    replica_id: int = int32()
    replica_directory_id: bytes = uuid(versions="2+", ignorable=True)
    log_end_offset: int = int64()
    """The offset of its last Fetch; -1 if it has not fetched from this leader yet."""
    last_fetch_timestamp: int = int64(versions="1+", default=-1, ignorable=True)
    """When that was, by the leader's clock; -1 for the leader itself."""
    last_caught_up_timestamp: int = int64(versions="1+", default=-1, ignorable=True)
    """When it last had everything that the leader had; for the leader itself, now."""


@struct
class PartitionResult(Message):
    """The quorum, as its leader sees it."""

    partition_index: int = int32()
    error_code: int = int16()
    error_message: str | None = string(versions="2+", nullable="2+", ignorable=True)
    leader_id: int = int32()
    leader_epoch: int = int32()
    high_watermark: int = int64()
    current_voters: list[ReplicaState] = array(ReplicaState)
    observers: list[ReplicaState] = array(ReplicaState)
    """Those who fetch without a vote: brokers that are no controllers."""


@struct
class TopicResult(Message):
    """The quorum of one topic."""

    topic_name: str = string()
    partitions: list[PartitionResult] = array(PartitionResult)


@struct
class Listener(Message):
    """Where a controller listens."""

    name: str = string()
    host: str = string()
    port: int = uint16()


@struct
class Node(Message):
    """A voter's addresses."""

    node_id: int = int32()
    listeners: list[Listener] = array(Listener)


@message(key=55, kind="response", versions="0-2", flexible="0+")
class DescribeQuorumResponse(Message):
    """How the quorum is.

    - 0: all but the following; flexible from the start (KIP-595)
    - 1: the two timestamps (KIP-836)
    - 2: error_message, replica_directory_id, nodes (KIP-853)
    """

    error_code: int = int16()
    error_message: str | None = string(versions="2+", nullable="2+", ignorable=True)
    topics: list[TopicResult] = array(TopicResult)
    nodes: list[Node] = array(Node, versions="2+", ignorable=True)
    """Not ignorable in Kafka's schema, no more than the directory ids; in its code both are."""
