"""Fetch (1): read batches from partitions, and wait for them if need be.

    4   read_committed (KIP-98)               12  diverging epochs, current leader (KIP-595)
    7   fetch sessions (KIP-227)              13  topic ids (KIP-516)
    9   leader epochs (KIP-320)               16  endpoints of new leaders (KIP-951)
    11  closest replica (KIP-392)             17-18  for followers (KIP-853, KIP-1166)

The bytes that go out are the bytes that came in: whole batches, a slice of the log's file. The
batch that holds the offset comes whole, so clients skip what lies before it; and the first batch
comes even if it alone is larger than the limits, or a consumer would be stuck for ever (KIP-74).

Who fetches decides how far: a consumer reads to the high watermark, a follower to the end of the
log, and what a follower asks for is also what it reports (`Replicas.fetched`). Consumers may read
from followers too, up to the high watermark that these know (KIP-392).

There are no fetch sessions: the answer to a request for a new one has session id 0, by which a
broker says that it keeps none (as Kafka does when its cache is full), and clients go on without.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from broker.api.context import Broker
from broker.api.leaders import UNKNOWN_LEADER, current_leader
from broker.api.waiters import FetchWaiter
from broker.events import Now, RequestArrived
from broker.replication.closest import closest_replica
from broker.replication.partition import Partition, PartitionKey
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import (
    EpochEndOffset,
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    LeaderIdAndEpoch,
    PartitionData,
)
from broker.wire.records import iter_batches

FROM_FOLLOWERS = 11
"""From this version on a consumer may read from a follower, or be sent to one."""
LEADER_SINCE = 12
"""From this version on an error may say where the leader went."""
BY_TOPIC_ID = 13
STATE_SINCE = 15
"""From this version on a follower's id stands in `replica_state`."""

NO_SESSION = 0
WITHOUT_SESSION = (0, -1)
"""The epochs of a request that names all that it wants: it would open a session, or close one."""
READ_COMMITTED = 1
CONSUMER = -1
LOG_END = "log end"
"""Followers wait at this place of a partition, consumers at the high watermark."""
NOTHING = b""


@dataclass(slots=True)
class _Reading:
    """Who reads, how far an answer has got, and whether it must leave now."""

    replica_id: int
    replica_epoch: int
    first_look: bool
    """Whether this is the request itself; when it is looked at again, it reports nothing new."""
    now: Now
    bytes_left: int
    bytes_wanted: int
    bytes_read: int = 0
    leaves_now: bool = False

    @property
    def by_follower(self) -> bool:
        """Whether a broker copies the log."""
        return self.replica_id > CONSUMER


def handle(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now
) -> FetchResponse | None:
    """Read now, or wait until there is enough or max_wait_ms have passed."""
    if body.session_epoch not in WITHOUT_SESSION:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    response, missing_bytes = _read(broker, request, body, now, first_look=True)
    if missing_bytes <= 0 or body.max_wait_ms <= 0:
        return response
    waiter = FetchWaiter(request.connection, request, body, missing_bytes)
    follows = _replica(request, body)[0] > CONSUMER
    keys = [(*key, LOG_END) if follows else key for key in _keys(broker, request, body)]
    broker.fetches.enter(waiter, keys, now.mono_us + body.max_wait_ms * 1000)
    return None


def _replica(request: RequestArrived, body: FetchRequest) -> tuple[int, int]:
    """Which broker fetches, and in which of its runs; a consumer is -1."""
    if request.api_version >= STATE_SINCE:
        return body.replica_state.replica_id, body.replica_state.replica_epoch
    return body.replica_id, -1


def _read(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now, *, first_look: bool
) -> tuple[FetchResponse, int]:
    """What there is now, and how many bytes are missing from what the client wants to wait for."""
    limit = min(body.max_bytes, broker.config.fetch_max_bytes)
    replica_id, replica_epoch = _replica(request, body)
    reading = _Reading(
        replica_id, replica_epoch, first_look, now, limit, min(body.min_bytes, limit)
    )
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
        partition = broker.replicas.find(topic, asked.partition, reading.now)
        if reading.by_follower or request.api_version < FROM_FOLLOWERS:
            partition.check_leader(asked.current_leader_epoch)
        else:
            partition.check_epoch(asked.current_leader_epoch)
            closest = closest_replica(partition, body.rack_id, asked.fetch_offset, reading.now)
            if closest is not None:
                reading.leaves_now = True
                return _data(partition, asked, body, NOTHING, preferred_read_replica=closest)
        if asked.last_fetched_epoch >= 0:
            common = partition.diverges(asked.last_fetched_epoch, asked.fetch_offset)
            if common is not None:
                reading.leaves_now = True
                diverging = EpochEndOffset(epoch=common[0], end_offset=common[1])
                return _data(partition, asked, body, NOTHING, diverging_epoch=diverging)
        if reading.by_follower:
            records = _read_for_follower(broker, partition, asked, reading)
        else:
            records = _read_records(partition, asked, body, reading)
    except ApiError as error:
        reading.leaves_now = True
        return _failed(broker, request, topic, asked, error)
    return _data(partition, asked, body, records)


def _data(
    partition: Partition, asked: FetchPartition, body: FetchRequest, records: bytes, **more: Any
) -> PartitionData:
    return PartitionData(
        partition_index=asked.partition,
        error_code=0,
        high_watermark=partition.high_watermark,
        last_stable_offset=partition.last_stable_offset,
        log_start_offset=partition.log.log_start_offset,
        aborted_transactions=[] if body.isolation_level == READ_COMMITTED else None,
        records=records,
        **more,
    )


def _failed(
    broker: Broker,
    request: RequestArrived,
    topic: str | None,
    asked: FetchPartition,
    error: ApiError,
) -> PartitionData:
    leader = UNKNOWN_LEADER
    if request.api_version >= LEADER_SINCE:
        leader = current_leader(broker.image, topic, asked.partition, error.code)
    return PartitionData(
        partition_index=asked.partition,
        error_code=error.code,
        high_watermark=-1,
        current_leader=LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1]),
        aborted_transactions=[],
        records=NOTHING,
    )


def _read_records(
    partition: Partition, asked: FetchPartition, body: FetchRequest, reading: _Reading
) -> bytes:
    committed_only = body.isolation_level == READ_COMMITTED
    end = partition.last_stable_offset if committed_only else partition.high_watermark
    return _read_up_to(end, partition, asked, reading)


def _read_for_follower(
    broker: Broker, partition: Partition, asked: FetchPartition, reading: _Reading
) -> bytes:
    """Read to the log's end; and whoever fetches from here has everything before."""
    follower = partition.follower(reading.replica_id, asked.current_leader_epoch)
    records = _read_up_to(partition.log.log_end_offset, partition, asked, reading)
    if reading.first_look:
        broker.replicas.fetched(
            partition,
            follower,
            asked.fetch_offset,
            asked.log_start_offset,
            reading.replica_epoch,
            reading.now,
        )
    if asked.high_watermark < partition.high_watermark and broker.config.replica_selector_class:
        # Consumers read there: what they may read must not wait for the next records (KIP-392).
        reading.leaves_now = True
    return records


def _read_up_to(end: int, partition: Partition, asked: FetchPartition, reading: _Reading) -> bytes:
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


def wake(broker: Broker, key: PartitionKey, new_bytes: int, now: Now) -> None:
    """A partition has that many more committed bytes, or it changed: look at who waits for it."""
    if broker.fetches:
        _wake_at(broker, key, new_bytes, now)
        if not new_bytes or broker.config.replica_selector_class:
            _wake_at(broker, (*key, LOG_END), 0, now)


def wake_followers(broker: Broker, key: PartitionKey, new_bytes: int, now: Now) -> None:
    """A log has grown by so much: its followers copy that, committed or not."""
    if broker.fetches:
        _wake_at(broker, (*key, LOG_END), new_bytes, now)


def _wake_at(broker: Broker, place: Hashable, new_bytes: int, now: Now) -> None:
    for waiter in broker.fetches.at(place):
        waiter.missing_bytes -= new_bytes
        if waiter.missing_bytes > 0 and new_bytes:
            continue
        response, waiter.missing_bytes = _read(
            broker, waiter.request, waiter.body, now, first_look=False
        )
        if waiter.missing_bytes <= 0:
            broker.fetches.leave(waiter)
            broker.respond(waiter.request, response)


def time_out(broker: Broker, now: Now) -> None:
    """Answer those who have waited long enough with what there is."""
    for waiter in broker.fetches.due(now.mono_us):
        broker.fetches.leave(waiter)
        response, _ = _read(broker, waiter.request, waiter.body, now, first_look=False)
        broker.respond(waiter.request, response)
