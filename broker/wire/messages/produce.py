"""Produce: append record batches to partitions.

The one request that carries the data of producers. Each partition in it brings exactly one record
batch, which the leader appends as it came: it looks at the header of the batch, checks its CRC, and
stores its bytes. `records` is therefore not decoded here; it stays a view on the frame.

A request with acks=0 has no response at all, not even for an error. A client that sends one and
waits has a bug; a broker that answers one confuses the client's count of correlation ids.
"""

from __future__ import annotations

from broker.wire.primitives import Buffer
from broker.wire.schema import (
    Message,
    array,
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
class PartitionProduceData(Message):
    """The batch for one partition."""

    index: int = int32()
    records: Buffer | None = record_set(nullable="3+")


@struct
class TopicProduceData(Message):
    """The batches for the partitions of one topic."""

    name: str = string(versions="3-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partition_data: list[PartitionProduceData] = array(PartitionProduceData)


@message(key=0, kind="request", versions="3-13", flexible="9+")
class ProduceRequest(Message):
    """Append these batches.

    Kafka 4 serves from version 3 on, the first that demands record batches of magic 2 (KIP-98). It
    *advertises* 0 and up, for librdkafka before 2.11.1 takes a broker without version 0 to be one
    that cannot compress (KAFKA-18659).

    - 3: transactional_id, and record batches of magic 2 (KIP-98)
    - 4: the client knows KAFKA_STORAGE_ERROR (KIP-112)
    - 5, 6: as 4; changes are in the response
    - 7: batches may be compressed with zstd (KIP-110)
    - 8: as 7; changes are in the response
    - 9: flexible (KIP-482)
    - 10: as 9; changes are in the response
    - 11: the client knows TRANSACTION_ABORTABLE (KIP-890)
    - 12: in a transaction, partitions are added to it without being asked (KIP-890, part 2)
    - 13: topics by id instead of name (KIP-516)
    """

    transactional_id: str | None = string(nullable="3+", default=None)
    acks: int = int16()
    """When to answer: -1 when all in-sync replicas have the batch, 1 when the leader has it, 0
    never."""
    timeout_ms: int = int32()
    """How long to wait for the in-sync replicas. It says nothing about how long the batch lives: an
    answer REQUEST_TIMED_OUT leaves it in the leader's log."""
    topic_data: list[TopicProduceData] = array(TopicProduceData)


@struct
class BatchIndexAndErrorMessage(Message):
    """A record because of which its whole batch was refused."""

    batch_index: int = int32()
    """Where in the batch the record is."""
    batch_index_error_message: str | None = string(nullable="8+", default=None)


@struct
class LeaderIdAndEpoch(Message):
    """Who leads a partition, as far as this broker knows."""

    leader_id: int = int32(default=-1)
    leader_epoch: int = int32(default=-1)


@struct
class PartitionProduceResponse(Message):
    """What became of the batch for one partition."""

    index: int = int32()
    error_code: int = int16()
    base_offset: int = int64()
    """The offset of the batch's first record; -1 beside an error. A duplicate gets the offset that
    it was given the first time."""
    log_append_time_ms: int = int64(default=-1)
    """When the broker appended the batch, if the topic's timestamps say that (LogAppendTime);
    otherwise -1, and the producer's own timestamps stand."""
    log_start_offset: int = int64(versions="5+", default=-1, ignorable=True)
    record_errors: list[BatchIndexAndErrorMessage] = array(
        BatchIndexAndErrorMessage, versions="8+", ignorable=True
    )
    error_message: str | None = string(versions="8+", nullable="8+", default=None, ignorable=True)
    current_leader: LeaderIdAndEpoch = nested(LeaderIdAndEpoch, versions="10+", tag=0)
    """Where to go instead, beside NOT_LEADER_OR_FOLLOWER: it saves a Metadata request."""


@struct
class TopicProduceResponse(Message):
    """What became of the batches for one topic."""

    name: str = string(versions="3-12", ignorable=True)
    topic_id: bytes = uuid(versions="13+", ignorable=True)
    partition_responses: list[PartitionProduceResponse] = array(PartitionProduceResponse)


@struct
class NodeEndpoint(Message):
    """The address of a leader that `current_leader` names."""

    node_id: int = int32()
    host: str = string()
    port: int = int32()
    rack: str | None = string(nullable="10+", default=None)


@message(key=0, kind="response", versions="3-13", flexible="9+")
class ProduceResponse(Message):
    """What became of each batch.

    - 3: as 2, which had throttle_time_ms and log_append_time_ms already
    - 4: KAFKA_STORAGE_ERROR may be among the errors (KIP-112)
    - 5: log_start_offset. A producer whose earlier records were deleted by retention can tell that
      from a real gap in its sequence (KIP-185)
    - 6: the response comes at once even when the client is throttled (KIP-219)
    - 7: as 6
    - 8: record_errors and error_message (KIP-467)
    - 9: flexible (KIP-482)
    - 10: current_leader and node_endpoints, tagged (KIP-951)
    - 11: TRANSACTION_ABORTABLE may be among the errors (KIP-890)
    - 12: as 11
    - 13: topics by id instead of name (KIP-516), so UNKNOWN_TOPIC_ID may be among the errors
    """

    responses: list[TopicProduceResponse] = array(TopicProduceResponse)
    throttle_time_ms: int = int32()
    node_endpoints: list[NodeEndpoint] = array(NodeEndpoint, versions="10+", tag=0)
