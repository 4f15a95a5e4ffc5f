"""ListOffsets: which offset belongs to a time, or to an end of the log.

A consumer that has no position asks this first. It gives a timestamp and gets the first record that
is not older; or it gives one of a few negative numbers that stand for places instead of times. Only
a partition's leader can answer.
"""

from __future__ import annotations

from typing import Final

from broker.wire.schema import (
    Message,
    array,
    int8,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
)

LATEST_TIMESTAMP: Final = -1
"""The end: where the next record will be (for isolation level 1, the last stable offset)."""
EARLIEST_TIMESTAMP: Final = -2
"""The log start offset."""
MAX_TIMESTAMP: Final = -3
"""The record with the largest timestamp, which need not be the last one (KIP-734)."""
EARLIEST_LOCAL_TIMESTAMP: Final = -4
"""The first offset on the broker's own disk; the log start without tiered storage (KIP-405)."""
LATEST_TIERED_TIMESTAMP: Final = -5
"""The last offset in tiered storage; none without it (KIP-1005)."""
EARLIEST_PENDING_UPLOAD_TIMESTAMP: Final = -6
"""The first offset that waits to be moved to tiered storage; none without it (KIP-1023)."""


@struct
class ListOffsetsPartition(Message):
    """What to look for in one partition."""

    partition_index: int = int32()
    current_leader_epoch: int = int32(versions="4+", default=-1, ignorable=True)
    timestamp: int = int64()
    """In milliseconds, or one of the negative numbers above."""


@struct
class ListOffsetsTopic(Message):
    """What to look for in the partitions of one topic."""

    name: str = string()
    partitions: list[ListOffsetsPartition] = array(ListOffsetsPartition)


@message(key=2, kind="request", versions="1-11", flexible="6+")
class ListOffsetsRequest(Message):
    """Find these offsets.

    - 1: one offset, the first at or after the timestamp (KIP-79)
    - 2: isolation_level (KIP-98)
    - 3: as 2
    - 4: current_leader_epoch (KIP-320)
    - 5: the client knows OFFSET_NOT_AVAILABLE (KIP-207)
    - 6: flexible (KIP-482)
    - 7: the timestamp may be -3, for the largest one (KIP-734)
    - 8: it may be -4, the earliest local offset (KIP-405)
    - 9: it may be -5, the latest tiered offset (KIP-1005)
    - 10: timeout_ms, for answers that must be fetched from tiered storage (KIP-1075)
    - 11: the timestamp may be -6, the earliest offset waiting for upload (KIP-1023)
    """

    replica_id: int = int32()
    """The broker that asks, or -1 for a consumer. (The default is Kafka's: clients set it.)"""
    isolation_level: int = int8(versions="2+")
    topics: list[ListOffsetsTopic] = array(ListOffsetsTopic)
    timeout_ms: int = int32(versions="10+", ignorable=True)


@struct
class ListOffsetsPartitionResponse(Message):
    """What was found in one partition. Offset and timestamp are -1 if there is nothing."""

    partition_index: int = int32()
    error_code: int = int16()
    timestamp: int = int64(default=-1)
    """The timestamp of the record found; -1 for the places that are not records."""
    offset: int = int64(default=-1)
    leader_epoch: int = int32(versions="4+", default=-1)


@struct
class ListOffsetsTopicResponse(Message):
    """What was found in the partitions of one topic."""

    name: str = string()
    partitions: list[ListOffsetsPartitionResponse] = array(ListOffsetsPartitionResponse)


@message(key=2, kind="response", versions="1-11", flexible="6+")
class ListOffsetsResponse(Message):
    """The offsets found.

    - 1: one offset a partition, with its timestamp (KIP-79)
    - 2: throttle_time_ms
    - 3: the response comes at once even when the client is throttled (KIP-219)
    - 4: leader_epoch (KIP-320)
    - 5: OFFSET_NOT_AVAILABLE may be among the errors (KIP-207): a new leader does not know the high
      watermark yet, and will not let offsets go backwards
    - 6: flexible (KIP-482)
    - 7-11: as 6
    """

    throttle_time_ms: int = int32(versions="2+", ignorable=True)
    topics: list[ListOffsetsTopicResponse] = array(ListOffsetsTopicResponse)
