"""ListOffsets (2): offsets by their meaning: the first, the last, the one at a point in time.

    2   read_committed (KIP-98)               8   -4, earliest on local disk (KIP-405)
    4   leader epochs (KIP-320)               9   -5, latest in tiered storage (KIP-1005)
    7   -3, the largest timestamp (KIP-734)   11  -6, earliest not yet tiered (KIP-1023)

A new leader learns the high watermark late: until its followers have fetched once, it may know a
smaller one than consumers have seen already. In that time it does not tell how far they may read
(5: OFFSET_NOT_AVAILABLE, KIP-207), or offsets would go backwards. A broker that follows is told
where the log really ends.

A time is looked up as: the first record whose timestamp is at or after it. Timestamps come from
producers and need not grow with the offsets, so later records may well be older.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.api.context import Broker
from broker.events import Now, RequestArrived
from broker.replication.partition import Partition
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6
SINCE_VERSION = {MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}
"""The version of the API that brought each special timestamp."""

READ_COMMITTED = 1
WITH_EPOCH = 4
WITH_NOT_AVAILABLE = 5

CONSUMER, DEBUGGER = -1, -2
"""Who asks, if not a broker. A debugger may ask any replica."""


class Found(NamedTuple):
    """An offset, the timestamp of its record and the leader epoch it was written in; or -1s."""

    offset: int = -1
    timestamp_ms: int = -1
    leader_epoch: int = -1


def handle(
    broker: Broker, request: RequestArrived, body: ListOffsetsRequest, now: Now
) -> ListOffsetsResponse:
    """Look each partition up."""
    seen: set[tuple[str, int]] = set()
    topics = []
    for topic in body.topics:
        results = []
        for asked in topic.partitions:
            key = (topic.name, asked.partition_index)
            try:
                if key in seen:
                    raise ApiError(ErrorCode.INVALID_REQUEST)
                partition = broker.replicas.find(*key, now)
                if body.replica_id == DEBUGGER:
                    partition.check_epoch(asked.current_leader_epoch)
                else:
                    partition.check_leader(asked.current_leader_epoch)
                found, code = _find(partition, asked, body, request.api_version), ErrorCode.NONE
            except ApiError as error:
                found, code = Found(), error.code
            seen.add(key)
            results.append(
                ListOffsetsPartitionResponse(
                    partition_index=asked.partition_index,
                    error_code=code,
                    timestamp=found.timestamp_ms,
                    offset=found.offset,
                    leader_epoch=found.leader_epoch if request.api_version >= WITH_EPOCH else -1,
                )
            )
        topics.append(ListOffsetsTopicResponse(name=topic.name, partitions=results))
    return ListOffsetsResponse(topics=topics)


def _find(
    partition: Partition, asked: ListOffsetsPartition, body: ListOffsetsRequest, version: int
) -> Found:
    log, wanted = partition.log, asked.timestamp
    if wanted < EARLIEST_PENDING_UPLOAD or version < SINCE_VERSION.get(wanted, 0):
        raise ApiError(ErrorCode.UNSUPPORTED_VERSION)
    if wanted in (EARLIEST, EARLIEST_LOCAL):
        first = log.log_start_offset
        return Found(first, leader_epoch=log.epochs.epoch_at(first))
    if wanted in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        # Nothing is ever moved to tiered storage here.
        return Found()
    end = _end(partition, body)
    lags = body.replica_id <= CONSUMER and partition.epoch_start_offset > partition.high_watermark
    if wanted == LATEST and not lags:
        return Found(end, leader_epoch=partition.leader_epoch)
    found = None
    if wanted == MAX_TIMESTAMP:
        found = log.max_timestamp_offset()
    elif wanted != LATEST:
        found = log.offset_for_time(wanted, end)
    if found is not None and found.offset < end:
        return Found(*found)
    if lags:
        raise ApiError(
            ErrorCode.OFFSET_NOT_AVAILABLE
            if version >= WITH_NOT_AVAILABLE
            else ErrorCode.LEADER_NOT_AVAILABLE
        )
    return Found()


def _end(partition: Partition, body: ListOffsetsRequest) -> int:
    """How far this client's eyes reach."""
    if body.replica_id > CONSUMER:
        return partition.log.log_end_offset
    if body.isolation_level == READ_COMMITTED:
        return partition.last_stable_offset
    return partition.high_watermark
