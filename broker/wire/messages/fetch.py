"""Fetch: the declarations."""

from __future__ import annotations

from broker.wire.primitives import Buffer
from broker.wire.schema import (
    Message,
    array,
    int8,
    int16,
    int32,
    int64,
    message,
    nested,
    record_set,
    string,
    struct,
    uuid,
)


@struct
class ReplicaState(Message):
    """ReplicaState."""

    replica_id: int = int32(default=-1)
    replica_epoch: int = int64(default=-1)


@struct
class FetchPartition(Message):
    """FetchPartition."""

    partition: int = int32()
    current_leader_epoch: int = int32(versions="9+", default=-1, ignorable=True)
    fetch_offset: int = int64()
    last_fetched_epoch: int = int32(versions="12+", default=-1)
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    partition_max_bytes: int = int32()
    replica_directory_id: bytes = uuid(versions="17+", tag=0, ignorable=True)
    high_watermark: int = int64(
        versions="18+", tag=1, default=0x7FFF_FFFF_FFFF_FFFF, ignorable=True
    )


@struct
class FetchTopic(Message):
    """FetchTopic."""

    topic: str = string(versions="4-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[FetchPartition] = array(FetchPartition)


@struct
class ForgottenTopic(Message):
    """ForgottenTopic."""

    topic: str = string(versions="7-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[int] = array(int32)


@message(key=1, kind="request", versions="4-18", flexible="12+")
class FetchRequest(Message):
    """FetchRequest."""

    cluster_id: str | None = string(
        versions="12+", nullable="12+", tag=0, default=None, ignorable=True
    )
    replica_id: int = int32(versions="4-14", default=-1)
    replica_state: ReplicaState = nested(ReplicaState, versions="15+", tag=1)
    max_wait_ms: int = int32()
    min_bytes: int = int32()
    max_bytes: int = int32(default=0x7FFF_FFFF)
    isolation_level: int = int8()
    session_id: int = int32(versions="7+", ignorable=True)
    session_epoch: int = int32(versions="7+", default=-1, ignorable=True)
    topics: list[FetchTopic] = array(FetchTopic)
    forgotten_topics_data: list[ForgottenTopic] = array(ForgottenTopic, versions="7+")
    rack_id: str = string(versions="11+", ignorable=True)


@struct
class EpochEndOffset(Message):
    """EpochEndOffset."""

    epoch: int = int32(default=-1)
    end_offset: int = int64(default=-1)


@struct
class LeaderIdAndEpoch(Message):
    """LeaderIdAndEpoch."""

    leader_id: int = int32(default=-1)
    leader_epoch: int = int32(default=-1)


@struct
class SnapshotId(Message):
    """SnapshotId."""

    end_offset: int = int64(default=-1)
    epoch: int = int32(default=-1)


@struct
class AbortedTransaction(Message):
    """AbortedTransaction."""

    producer_id: int = int64()
    first_offset: int = int64()


@struct
class PartitionData(Message):
    """PartitionData."""

    partition_index: int = int32()
    error_code: int = int16()
    high_watermark: int = int64()
    last_stable_offset: int = int64(default=-1)
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    diverging_epoch: EpochEndOffset = nested(EpochEndOffset, versions="12+", tag=0)
    current_leader: LeaderIdAndEpoch = nested(LeaderIdAndEpoch, versions="12+", tag=1)
    snapshot_id: SnapshotId = nested(SnapshotId, versions="12+", tag=2)
    aborted_transactions: list[AbortedTransaction] | None = array(AbortedTransaction, nullable="4+")
    preferred_read_replica: int = int32(versions="11+", default=-1)
    records: Buffer | None = record_set(nullable="4+")


@struct
class FetchableTopicResponse(Message):
    """FetchableTopicResponse."""

    topic: str = string(versions="4-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[PartitionData] = array(PartitionData)


@struct
class NodeEndpoint(Message):
    """NodeEndpoint."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="16+", default=None)


@message(key=1, kind="response", versions="4-18", flexible="12+")
class FetchResponse(Message):
    """FetchResponse."""

    throttle_time_ms: int = int32()
    error_code: int = int16(versions="7+", ignorable=True)
    session_id: int = int32(versions="7+")
    responses: list[FetchableTopicResponse] = array(FetchableTopicResponse)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="16+", tag=0)
