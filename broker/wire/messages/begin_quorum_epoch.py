"""BeginQuorumEpoch: I lead the metadata quorum from here on (KIP-595).

Followers fetch, so a new leader would have to wait until they find it. It tells them instead, and
goes on telling those who do not fetch.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    int16,
    int32,
    message,
    string,
    struct,
    uint16,
    uuid,
)

# -- request --------------------------------------------------------------------------------------


@struct
class PartitionData(Message):
    """Who leads, in which epoch."""

    partition_index: int = int32()
    voter_directory_id: bytes = uuid(versions="1+", ignorable=True)
    """The disk of the voter that is told."""
    leader_id: int = int32()
    leader_epoch: int = int32()


@struct
class TopicData(Message):
    """The one topic of the quorum, `__cluster_metadata`."""

    topic_name: str = string()
    partitions: list[PartitionData] = array(PartitionData)


@struct
class LeaderEndpoint(Message):
    """Where the leader listens."""

    name: str = string()
    """The listener's name, as CONTROLLER."""
    host: str = string()
    port: int = uint16()


@message(key=53, kind="request", versions="0-1", flexible="1+")
class BeginQuorumEpochRequest(Message):
    """I lead.

    - 0: all but the following (KIP-595)
    - 1: flexible; voter_id, voter_directory_id and leader_endpoints (KIP-853)
    """

    cluster_id: str | None = string(nullable="0+", default=None)
    voter_id: int = int32(versions="1+", default=-1, ignorable=True)
    """Who is told."""
    topics: list[TopicData] = array(TopicData)
    leader_endpoints: list[LeaderEndpoint] = array(LeaderEndpoint, versions="1+", ignorable=True)


# -- response -------------------------------------------------------------------------------------


@struct
class PartitionResult(Message):
    """Who leads, as far as the voter knows now."""

    partition_index: int = int32()
    error_code: int = int16()
    """FENCED_LEADER_EPOCH if the voter knows of a higher epoch."""
    leader_id: int = int32()
    """-1 for none."""
    leader_epoch: int = int32()


@struct
class TopicResult(Message):
    """The answers for one topic."""

    topic_name: str = string()
    partitions: list[PartitionResult] = array(PartitionResult)


@struct
class NodeEndpoint(Message):
    """The address of a leader that `leader_id` names."""

    node_id: int = int32()
    host: str = string()
    port: int = uint16()


@message(key=53, kind="response", versions="0-1", flexible="1+")
class BeginQuorumEpochResponse(Message):
    """Understood, or not.

    - 0: all but the following (KIP-595)
    - 1: flexible; node_endpoints, tagged (KIP-853)
    """

    error_code: int = int16()
    topics: list[TopicResult] = array(TopicResult)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="1+", tag=0)
