"""Fetch: read record batches from partitions, and wait for them if there are none yet.

Consumers and followers use the same request: a follower is a consumer that says who it is, in
`replica_id` (`replica_state` from version 15). What it asks for is also what it reports: fetching
from offset 42 tells the leader that everything below 42 is safe on the follower's side, and this is
how the leader learns where the high watermark is.

A fetch with nothing to return waits, until `min_bytes` have come together or `max_wait_ms` have
passed (the "long poll"). Fetch sessions (KIP-227) spare followers and consumers of many partitions
from naming all of them each time; a broker may refuse them, by answering session id 0.
"""

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

# -- request --------------------------------------------------------------------------------------


@struct
class ReplicaState(Message):
    """Who fetches: a broker, or with -1 a consumer."""

    replica_id: int = int32(default=-1)
    replica_epoch: int = int64(default=-1)
    """The broker epoch, so that a fetch from before a restart is not taken for one after it."""


@struct
class FetchPartition(Message):
    """What to read from one partition."""

    partition: int = int32()
    current_leader_epoch: int = int32(versions="9+", default=-1, ignorable=True)
    """The leader epoch the client knows: the leader refuses if its own is older or newer."""
    fetch_offset: int = int64()
    last_fetched_epoch: int = int32(versions="12+", default=-1)
    """The leader epoch of the last record before `fetch_offset`. If the leader's log disagrees, it
    answers with `diverging_epoch`, and the follower knows where to truncate."""
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    """Where a follower's log begins; -1 from consumers."""
    partition_max_bytes: int = int32()
    replica_directory_id: bytes = uuid(versions="17+", tag=0, ignorable=True)
    high_watermark: int = int64(
        versions="18+", tag=1, default=0x7FFF_FFFF_FFFF_FFFF, ignorable=True
    )
    """The high watermark a follower knows, -1 for none; the default means that it does not tell. A
    leader answers at once if it can report a higher one."""


@struct
class FetchTopic(Message):
    """What to read from the partitions of one topic."""

    topic: str = string(versions="4-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[FetchPartition] = array(FetchPartition)


@struct
class ForgottenTopic(Message):
    """Partitions that the fetch session need not serve any longer."""

    topic: str = string(versions="7-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[int] = array(int32)


@message(key=1, kind="request", versions="4-18", flexible="12+")
class FetchRequest(Message):
    """Read from these partitions, in this order, until `max_bytes` are full.

    - 4: isolation_level; the client can read batches of magic 2 (KIP-98)
    - 5: log_start_offset of a follower (KIP-107)
    - 6: the client knows KAFKA_STORAGE_ERROR (KIP-112)
    - 7: fetch sessions: session_id, session_epoch, forgotten_topics_data (KIP-227)
    - 8: as 7
    - 9: current_leader_epoch (KIP-320)
    - 10: the client can decompress zstd (KIP-110)
    - 11: rack_id, for reading from the nearest replica (KIP-392)
    - 12: flexible (KIP-482), and last_fetched_epoch (KIP-595)
    - 13: topics by id instead of name (KIP-516)
    - 14: the client knows OFFSET_MOVED_TO_TIERED_STORAGE (KIP-405)
    - 15: replica_state instead of replica_id (KIP-903)
    - 16: as 15; changes are in the response
    - 17: replica_directory_id (KIP-853)
    - 18: high_watermark (KIP-1166)
    """

    cluster_id: str | None = string(
        versions="12+", nullable="12+", tag=0, default=None, ignorable=True
    )
    replica_id: int = int32(versions="4-14", default=-1)
    replica_state: ReplicaState = nested(ReplicaState, versions="15+", tag=1)
    max_wait_ms: int = int32()
    min_bytes: int = int32()
    max_bytes: int = int32(default=0x7FFF_FFFF)
    """The most that the response should hold. The first batch is returned whole even so, since a
    consumer could otherwise be stuck in front of a large one for ever (KIP-74)."""
    isolation_level: int = int8()
    """0: all records up to the high watermark. 1: only what is committed, up to the last stable
    offset, with a list of the aborted transactions in between."""
    session_id: int = int32(versions="7+", ignorable=True)
    session_epoch: int = int32(versions="7+", default=-1, ignorable=True)
    """0 asks for a new session, -1 for none; otherwise it counts the fetches of the session."""
    topics: list[FetchTopic] = array(FetchTopic)
    forgotten_topics_data: list[ForgottenTopic] = array(ForgottenTopic, versions="7+")
    rack_id: str = string(versions="11+", ignorable=True)


# -- response -------------------------------------------------------------------------------------


@struct
class EpochEndOffset(Message):
    """The largest epoch that leader and follower may have in common, and where it ends."""

    epoch: int = int32(default=-1)
    end_offset: int = int64(default=-1)


@struct
class LeaderIdAndEpoch(Message):
    """Who leads a partition, as far as this broker knows."""

    leader_id: int = int32(default=-1)
    leader_epoch: int = int32(default=-1)


@struct
class SnapshotId(Message):
    """A snapshot to load instead of the records before it (only the metadata log has them)."""

    end_offset: int = int64(default=-1)
    epoch: int = int32(default=-1)


@struct
class AbortedTransaction(Message):
    """Records of this producer from `first_offset` up to its abort marker are to be skipped."""

    producer_id: int = int64()
    first_offset: int = int64()


@struct
class PartitionData(Message):
    """What was read from one partition."""

    partition_index: int = int32()
    error_code: int = int16()
    high_watermark: int = int64()
    last_stable_offset: int = int64(default=-1)
    """All transactions below it are decided. Never above the high watermark."""
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    diverging_epoch: EpochEndOffset = nested(EpochEndOffset, versions="12+", tag=0)
    """Set when the log of who asks has gone another way: truncate to this, then fetch again."""
    current_leader: LeaderIdAndEpoch = nested(LeaderIdAndEpoch, versions="12+", tag=1)
    snapshot_id: SnapshotId = nested(SnapshotId, versions="12+", tag=2)
    aborted_transactions: list[AbortedTransaction] | None = array(AbortedTransaction, nullable="4+")
    preferred_read_replica: int = int32(versions="11+", default=-1)
    """Another replica the consumer should rather read from; -1 for none."""
    records: Buffer | None = record_set(nullable="4+")
    """Stored batches as they lie in the log. The first may begin *before* the offset asked for, and
    the last may be cut off: readers skip what is too early, and ignore what is not whole."""


@struct
class FetchableTopicResponse(Message):
    """What was read from the partitions of one topic."""

    topic: str = string(versions="4-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partitions: list[PartitionData] = array(PartitionData)


@struct
class NodeEndpoint(Message):
    """The address of a leader that `current_leader` names."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="16+", default=None)


@message(key=1, kind="response", versions="4-18", flexible="12+")
class FetchResponse(Message):
    """The batches that were read.

    - 4: last_stable_offset and aborted_transactions (KIP-98)
    - 5: log_start_offset (KIP-107)
    - 6: KAFKA_STORAGE_ERROR may be among the errors (KIP-112)
    - 7: error_code and session_id for fetch sessions (KIP-227)
    - 8: the response comes at once even when the client is throttled (KIP-219)
    - 9: as 8
    - 10: batches may be compressed with zstd (KIP-110)
    - 11: preferred_read_replica (KIP-392)
    - 12: flexible (KIP-482); diverging_epoch, current_leader and snapshot_id, tagged (KIP-595)
    - 13: topics by id instead of name (KIP-516)
    - 14: OFFSET_MOVED_TO_TIERED_STORAGE may be among the errors (KIP-405)
    - 15: as 14
    - 16: node_endpoints, tagged (KIP-951)
    - 17, 18: as 16
    """

    throttle_time_ms: int = int32()
    error_code: int = int16(versions="7+", ignorable=True)
    session_id: int = int32(versions="7+")
    responses: list[FetchableTopicResponse] = array(FetchableTopicResponse)
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="16+", tag=0)
