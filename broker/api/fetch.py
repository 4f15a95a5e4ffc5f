"""Fetch (1): read batches from partitions, and wait for them if need be.

    4   read_committed (KIP-98)               12  diverging epochs, current leader (KIP-595)
    7   fetch sessions (KIP-227)              13  topic ids (KIP-516)
    9   leader epochs (KIP-320)               16  endpoints of new leaders (KIP-951)
    11  closest replica (KIP-392)             17-18  for followers (KIP-853, KIP-1166)

The bytes that go out are the bytes that came in: whole batches, a slice of the log's file. The
batch that holds the offset comes whole, so clients skip what lies before it; and the first batch
comes even if it alone is larger than the limits, or a consumer would be stuck for ever (KIP-74).

There are no fetch sessions: the answer to a request for a new one has session id 0, by which a
broker says that it keeps none (as Kafka does when its cache is full), and clients go on without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from broker.api.context import Broker
from broker.api.leaders import UNKNOWN_LEADER, current_leader
from broker.api.waiters import FetchWaiter
from broker.events import Now, RequestArrived
from broker.replication.partition import Partition, PartitionKey
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    LeaderIdAndEpoch,
    PartitionData,
)
from broker.wire.records import iter_batches

BY_TOPIC_ID = 13
LEADER_SINCE = 12
"""From this version on an error may say where the leader went."""

NO_SESSION = 0
WITHOUT_SESSION = (0, -1)
"""The epochs of a request that names all that it wants: it would open a session, or close one."""
READ_COMMITTED = 1


@dataclass(slots=True)
class _Reading:
    """How far an answer has got: what may still be read, and whether it must leave now."""

    bytes_left: int
    bytes_wanted: int
    bytes_read: int = 0
    leaves_now: bool = False


def handle(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now
) -> FetchResponse | None:
    """Read now, or wait until there is enough or max_wait_ms have passed."""
    if body.session_epoch not in WITHOUT_SESSION:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    response, missing_bytes = _read(broker, request, body)
    if missing_bytes <= 0 or body.max_wait_ms <= 0:
        return response
    waiter = FetchWaiter(request.connection, request, body, missing_bytes)
    keys = list(_keys(broker, request, body))
    broker.fetches.enter(waiter, keys, now.mono_us + body.max_wait_ms * 1000)
    return None


def _read(broker: Broker, request: RequestArrived, body: FetchRequest) -> tuple[FetchResponse, int]:
    """What there is now, and how many bytes are missing from what the client wants to wait for."""
    limit = min(body.max_bytes, broker.config.fetch_max_bytes)
    reading = _Reading(limit, min(body.min_bytes, limit))
    responses = [
        FetchableTopicResponse(
            topic=topic.topic,
            topic_id=topic.topic_id,
            partitions=[
                _read_partition(broker, request, name, asked, body, reading)
                for asked in topic.partitions
            ],
        )
        for name, topic in _topics(broker, request, body)
    ]
    missing = reading.bytes_wanted - reading.bytes_read
    if missing > 0 and (reading.leaves_now or not any(topic.partitions for topic in body.topics)):
        missing = 0
    return FetchResponse(session_id=NO_SESSION, responses=responses), missing


def _topics(
    broker: Broker, request: RequestArrived, body: FetchRequest
) -> Iterator[tuple[str | None, FetchTopic]]:
    by_id = request.api_version >= BY_TOPIC_ID
    for topic in body.topics:
        yield broker.image.names.get(topic.topic_id) if by_id else topic.topic, topic


def _keys(broker: Broker, request: RequestArrived, body: FetchRequest) -> Iterator[PartitionKey]:
    for name, topic in _topics(broker, request, body):
        if name is not None:
            for asked in topic.partitions:
                yield name, asked.partition


def _read_partition(
    broker: Broker,
    request: RequestArrived,
    topic: str | None,
    asked: FetchPartition,
    body: FetchRequest,
    reading: _Reading,
) -> PartitionData:
    try:
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
        partition = broker.replicas.find(topic, asked.partition)
        partition.check_leader(asked.current_leader_epoch)
        records = _read_records(partition, asked, body, reading)
    except ApiError as error:
        reading.leaves_now = True
        leader = UNKNOWN_LEADER
        if request.api_version >= LEADER_SINCE:
            leader = current_leader(broker.image, topic, asked.partition, error.code)
        return PartitionData(
            partition_index=asked.partition,
            error_code=error.code,
            high_watermark=-1,
            current_leader=LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1]),
            aborted_transactions=[],
            records=b"",
        )
    return PartitionData(
        partition_index=asked.partition,
        error_code=0,
        high_watermark=partition.high_watermark,
        last_stable_offset=partition.last_stable_offset,
        log_start_offset=partition.log.log_start_offset,
        aborted_transactions=[] if body.isolation_level == READ_COMMITTED else None,
        records=records,
    )


def _read_records(
    partition: Partition, asked: FetchPartition, body: FetchRequest, reading: _Reading
) -> bytes:
    committed_only = body.isolation_level == READ_COMMITTED
    end = partition.last_stable_offset if committed_only else partition.high_watermark
    first = reading.bytes_read == 0
    limit = max(0, min(asked.partition_max_bytes, reading.bytes_left))
    records = partition.log.read(asked.fetch_offset, limit, end, min_one=first)
    reading.bytes_left -= len(records)
    reading.bytes_read += len(records)
    if reading.bytes_read < reading.bytes_wanted and _next_offset(asked, records) < end:
        # More is there, and did not fit or lies in the next segment: what is waiting good for?
        reading.leaves_now = True
    return records


def _next_offset(asked: FetchPartition, records: bytes) -> int:
    """Where the client will read on."""
    next_offset = asked.fetch_offset
    for header, _ in iter_batches(records):
        next_offset = header.next_offset
    return next_offset


# -- the waiting room -----------------------------------------------------------------------------


def wake(broker: Broker, key: PartitionKey, new_bytes: int) -> None:
    """A partition has that many more committed bytes, or it changed: look at who waits for it."""
    for waiter in broker.fetches.at(key):
        waiter.missing_bytes -= new_bytes
        if waiter.missing_bytes > 0 and new_bytes:
            continue
        response, waiter.missing_bytes = _read(broker, waiter.request, waiter.body)
        if waiter.missing_bytes <= 0:
            broker.fetches.leave(waiter)
            broker.respond(waiter.request, response)


def time_out(broker: Broker, now: Now) -> None:
    """Answer those who have waited long enough with what there is."""
    for waiter in broker.fetches.due(now.mono_us):
        broker.fetches.leave(waiter)
        broker.respond(waiter.request, _read(broker, waiter.request, waiter.body)[0])
