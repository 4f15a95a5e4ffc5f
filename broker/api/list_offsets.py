"""ListOffsets (2): offsets by their meaning: the first, the last, the one at a point in time.

    2   read_committed (KIP-98)               8   -4, earliest on local disk (KIP-405)
    4   leader epochs (KIP-320)               9   -5, latest in tiered storage (KIP-1005)
    7   -3, the largest timestamp (KIP-734)   11  -6, earliest not yet tiered (KIP-1023)

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
                partition = broker.replicas.find(*key)
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
    committed_only = body.isolation_level == READ_COMMITTED
    end = partition.last_stable_offset if committed_only else partition.high_watermark
    if wanted < EARLIEST_PENDING_UPLOAD or version < SINCE_VERSION.get(wanted, 0):
        raise ApiError(ErrorCode.UNSUPPORTED_VERSION)
    if wanted == LATEST:
        return Found(end, leader_epoch=partition.leader_epoch)
    if wanted in (EARLIEST, EARLIEST_LOCAL):
        first = log.log_start_offset
        return Found(first, leader_epoch=log.epochs.epoch_at(first))
    if wanted in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        # Nothing is ever moved to tiered storage here.
        return Found()
    if wanted == MAX_TIMESTAMP:
        found = log.max_timestamp_offset()
    else:
        found = log.offset_for_time(wanted, end)
    if found is None or found.offset >= end:
        return Found()
    return Found(*found)
