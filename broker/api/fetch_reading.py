"""Reading one partition for a Fetch: who may read there, how far, and what else there is to say.

A consumer reads to the high watermark, a follower to the end of the log, and what a follower asks
for is also what it reports: it has everything before that offset (`Replicas.fetched`). Consumers
may read from followers too, up to the high watermark that these know (KIP-392). Whose log has gone
another way than ours is told so, with nothing else (KIP-595).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.api.context import Broker
from broker.api.leaders import UNKNOWN_LEADER, current_leader
from broker.events import Now, RequestArrived
from broker.replication.closest import closest_replica
from broker.replication.follower import Poll
from broker.replication.partition import Partition
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import (
    EpochEndOffset,
    FetchPartition,
    FetchRequest,
    LeaderIdAndEpoch,
    PartitionData,
)
from broker.wire.records import iter_batches

FROM_FOLLOWERS = 11
"""From this version on a consumer may read from a follower, or be sent to one."""
LEADER_SINCE = 12
"""From this version on an error may say where the leader went."""
ADDRESSES_SINCE = 16
"""From this version on an answer may say where the leaders listen that it names."""
STATE_SINCE = 15
"""From this version on a follower's id stands in `replica_state`."""

READ_COMMITTED = 1
CONSUMER = -1
NOTHING = b""


@dataclass(slots=True)
class Reading:
    """Who reads, how far an answer has got, and whether it must leave now."""

    replica_id: int
    replica_epoch: int
    first_look: bool
    """Whether this is the request itself; when it is looked at again, it reports nothing new."""
    now: Now
    bytes_left: int
    bytes_wanted: int
    poll: Poll | None = None
    """The fetches of the session that this one belongs to."""
    bytes_read: int = 0
    leaves_now: bool = False
    leaders: tuple[int, ...] = ()
    """Those whom the answer names to somebody who has asked the wrong broker."""

    @property
    def missing_bytes(self) -> int:
        """How much it lacks to leave; 0 if it leaves as it is."""
        return 0 if self.leaves_now else max(0, self.bytes_wanted - self.bytes_read)

    @property
    def by_follower(self) -> bool:
        """Whether a broker copies the log."""
        return self.replica_id > CONSUMER


def replica_of(request: RequestArrived, body: FetchRequest) -> tuple[int, int]:
    """Which broker fetches, and in which of its runs; a consumer is -1."""
    if request.api_version >= STATE_SINCE:
        return body.replica_state.replica_id, body.replica_state.replica_epoch
    return body.replica_id, -1


def begin(
    broker: Broker, request: RequestArrived, body: FetchRequest, now: Now, *, first_look: bool
) -> Reading:
    """An answer that has nothing in it yet."""
    limit = min(body.max_bytes, broker.config.fetch_max_bytes)
    replica_id, replica_epoch = replica_of(request, body)
    wanted = min(body.min_bytes, limit)
    return Reading(replica_id, replica_epoch, first_look, now, limit, wanted)


def read_partition(
    broker: Broker,
    request: RequestArrived,
    topic: str | None,
    asked: FetchPartition,
    body: FetchRequest,
    reading: Reading,
) -> PartitionData:
    """What there is to say of one partition; an error takes the place of records."""
    try:
        if topic is None:
            raise ApiError(ErrorCode.UNKNOWN_TOPIC_ID)
        partition = broker.replicas.find(topic, asked.partition, reading.now)
        if reading.by_follower or request.api_version < FROM_FOLLOWERS:
            partition.check_leader(asked.current_leader_epoch)
        else:
            partition.check_epoch(asked.current_leader_epoch)
            if body.rack_id:
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
        return _failed(broker, request, topic, asked, error, reading)
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


def position(partition: Partition, index: int) -> PartitionData:
    """Where a partition stands, without records."""
    return PartitionData(
        partition_index=index,
        error_code=0,
        high_watermark=partition.high_watermark,
        last_stable_offset=partition.last_stable_offset,
        log_start_offset=partition.log.log_start_offset,
        aborted_transactions=None,
        records=NOTHING,
    )


def _failed(
    broker: Broker,
    request: RequestArrived,
    topic: str | None,
    asked: FetchPartition,
    error: ApiError,
    reading: Reading,
) -> PartitionData:
    leader = UNKNOWN_LEADER
    if request.api_version >= LEADER_SINCE:
        leader = current_leader(broker.image, topic, asked.partition, error.code)
    if request.api_version >= ADDRESSES_SINCE:
        reading.leaders += leader[:1]
    return PartitionData(
        partition_index=asked.partition,
        error_code=error.code,
        high_watermark=-1,
        current_leader=LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1]),
        aborted_transactions=[],
        records=NOTHING,
    )


def _read_records(
    partition: Partition, asked: FetchPartition, body: FetchRequest, reading: Reading
) -> bytes:
    committed_only = body.isolation_level == READ_COMMITTED
    end = partition.last_stable_offset if committed_only else partition.high_watermark
    return _read_up_to(end, partition, asked, reading)


def _read_for_follower(
    broker: Broker, partition: Partition, asked: FetchPartition, reading: Reading
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
        if follower.poll is not reading.poll:
            broker.replicas.sessions.speaks(reading.poll, partition.key, follower)
    if asked.high_watermark < partition.high_watermark and broker.config.replica_selector_class:
        # Consumers read there: what they may read must not wait for the next records (KIP-392).
        reading.leaves_now = True
    return records


def _read_up_to(end: int, partition: Partition, asked: FetchPartition, reading: Reading) -> bytes:
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
