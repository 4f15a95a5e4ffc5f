"""EndQuorumEpoch: I lead the metadata quorum no longer (KIP-595).

A leader that shuts down says so, and whom it would like to be followed by: the voter whose log is
the longest first. Nobody has to wait for a time-out then; the others stand for election in order.
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
class ReplicaInfo(Message):
    """A voter that might lead next."""

    candidate_id: int = int32()
    candidate_directory_id: bytes = uuid()


@struct
class PartitionData(Message):
    """Who resigns, in which epoch."""

    partition_index: int = int32()
    leader_id: int = int32()
    leader_epoch: int = int32()
    preferred_successors: list[int] = array(int32, versions="0", ignorable=True)
    preferred_candidates: list[ReplicaInfo] = array(ReplicaInfo, versions="1+", ignorable=True)
    """The best first. The first stands for election at once, the others some time later."""


@struct
class TopicData(Message):
    """The one topic of the quorum, `__cluster_metadata`."""

    topic_name: str = string()
    partitions: list[PartitionData] = array(PartitionData)


@struct
class LeaderEndpoint(Message):
    """Where the leader that resigns listens."""

    name: str = string()
    """The listener's name, as CONTROLLER."""
    host: str = string()
    port: int = uint16()


@message(key=54, kind="request", versions="0-1", flexible="1+")
class EndQuorumEpochRequest(Message):
    """I resign.

    - 0: all but the following (KIP-595)
    - 1: flexible; preferred_candidates instead of preferred_successors, leader_endpoints (KIP-853)
    """

    cluster_id: str | None = string(nullable="0+", default=None)
    topics: list[TopicData] = array(TopicData)
    leader_endpoints: list[LeaderEndpoint] = array(LeaderEndpoint, versions="1+", ignorable=True)


# -- response -------------------------------------------------------------------------------------


@struct
class PartitionResult(Message):
    """Who leads, as far as the voter knows now."""

    partition_index: int = int32()
    error_code: int = int16()
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


@message(key=54, kind="response", versions="0-1", flexible="1+")
class EndQuorumEpochResponse(Message):
    """Understood, or not.

    - 0: all but the following (KIP-595)
    - 1: flexible; node_endpoints, tagged (KIP-853)
    """

    error_code: int = int16()
    topics: list[TopicResult] = array(TopicResult)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="1+", tag=0)
