"""Fetching: asking leaders for what comes after a position.

A Fetch is a long poll. The leader answers at once if it has `fetch_min_bytes`, and otherwise waits
for more until `fetch_max_wait_ms` is over, so a reader at the end of the log neither waits long nor
asks often. Each leader has one Fetch in flight, with all partitions that want more; a partition
whose records have not been polled yet does not: that is the back-pressure. Nor does its leader get
a Fetch until then: it would be for the partitions beside it alone, and if they have nothing new,
what is polled meanwhile would wait behind a long poll (Kafka's `AbstractFetch.bufferedNodes`).

What comes back is stored batches, whole. Asked for offset 7, the leader may send a batch that
begins at 5; skipping 5 and 6 is the reader's job. Control batches are skipped, too, but move the
position. Fetch sessions (KIP-227) are not used: each request names all of its partitions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.backoff import ExponentialBackoff
from broker.client.cluster_view import TopicPartition
from broker.client.config import ConsumerConfig
from broker.client.connections import Answer, Connections
from broker.client.metadata import MAX_VERSION_WITHOUT_IDS, STALE_VIEW, MetadataUpdater
from broker.client.outcomes import error_code
from broker.client.positions import BEGINNING, CONSUMER_ID, END, Asked, Reader, by_leader
from broker.events import Now
from broker.wire.errors import ApiError, ErrorCode
from broker.wire.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from broker.wire.primitives import ZERO_UUID, Buffer
from broker.wire.records import Headers, Record, check_batch, iter_batches, read_records

_NO_SESSION = 0
_NO_SESSION_EPOCH = -1
_NO_ANSWER = PartitionData(error_code=ErrorCode.NETWORK_EXCEPTION)


class ConsumedRecord(NamedTuple):
    """A record as the application gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class _Fetch(NamedTuple):
    """The purpose of a Fetch request."""

    asked: Asked
    topic_names: dict[bytes, str]


@dataclass(slots=True)
class Fetcher:
    """Fills `records` for the readers that want more."""

    config: ConsumerConfig
    connections: Connections
    metadata: MetadataUpdater
    backoff: ExponentialBackoff
    readers: dict[TopicPartition, Reader]
    records: deque[ConsumedRecord] = field(default_factory=deque)
    _fetching: dict[int, None] = field(default_factory=dict)
    """The leaders that have a Fetch of ours."""

    # -- asking ------------------------------------------------------------------------------------

    def advance(self, now: Now) -> None:
        """Ask the leaders that have no Fetch of ours, and of which everything is polled."""
        hungry = [reader for reader in self.readers.values() if _is_hungry(reader, now)]
        if not hungry:
            return
        leader_of = self.metadata.cluster.leader
        unpolled = {
            leader_of(r.where) for r in self.readers.values() if r.buffered and not r.paused
        }
        for leader, readers in by_leader(hungry, self.metadata).items():
            busy = leader in self._fetching or leader in unpolled
            if not busy and self.connections.ready(leader, now):
                self._ask(leader, readers, now)

    def _ask(self, leader: int, readers: list[Reader], now: Now) -> None:
        cluster = self.metadata.cluster
        topics: dict[str, list[FetchPartition]] = {}
        for reader in readers:
            partition = FetchPartition(
                partition=reader.where.partition,
                current_leader_epoch=cluster.leadership(reader.where).epoch,
                fetch_offset=reader.fetch_offset,
                partition_max_bytes=self.config.max_partition_fetch_bytes,
            )
            topics.setdefault(reader.where.topic, []).append(partition)
        ids = {topic: cluster.topic_id(topic) for topic in topics}
        request = FetchRequest(
            replica_id=CONSUMER_ID,
            max_wait_ms=self.config.fetch_max_wait_ms,
            min_bytes=self.config.fetch_min_bytes,
            max_bytes=self.config.fetch_max_bytes,
            session_id=_NO_SESSION,
            session_epoch=_NO_SESSION_EPOCH,
            topics=[
                FetchTopic(topic=topic, topic_id=ids[topic], partitions=partitions)
                for topic, partitions in topics.items()
            ],
        )
        purpose = _Fetch(
            Asked.by(readers),
            {topic_id: topic for topic, topic_id in ids.items()},
        )
        max_version = MAX_VERSION_WITHOUT_IDS if ZERO_UUID in ids.values() else None
        self.connections.send(leader, request, purpose, now, max_version=max_version)
        self._fetching[leader] = None

    # -- hearing -----------------------------------------------------------------------------------

    def take(self, answer: Answer, now: Now) -> bool:
        """Take in an answer if it is one to a Fetch."""
        if not isinstance(answer.purpose, _Fetch):
            return False
        del self._fetching[answer.peer]
        found: dict[TopicPartition, PartitionData] = {}
        if isinstance(answer.response, FetchResponse):
            found.update(self._sorted_out(answer.response, answer.purpose))
        for reader in answer.purpose.asked.still(self.readers):
            self._fetched(reader, found.get(reader.where, _NO_ANSWER), now)
        return True

    def _sorted_out(
        self, response: FetchResponse, purpose: _Fetch
    ) -> Iterator[tuple[TopicPartition, PartitionData]]:
        for node in response.node_endpoints:
            self.metadata.learn_broker(node.node_id, node.host, node.port, node.rack)
        for topic in response.responses:
            name = topic.topic or purpose.topic_names.get(topic.topic_id, "")
            for partition in topic.partitions:
                yield TopicPartition(name, partition.partition_index), partition

    def _fetched(self, reader: Reader, data: PartitionData, now: Now) -> None:
        code = error_code(data.error_code)
        if code is ErrorCode.NONE:
            reader.attempts = 0
            reader.high_watermark = data.high_watermark
            self._read(reader, data.records or b"")
        elif code is ErrorCode.OFFSET_OUT_OF_RANGE:
            self._reset(reader)
        elif code.retriable and code is not ErrorCode.CORRUPT_MESSAGE:
            reader.retry_later(now, self.backoff)
            if code in STALE_VIEW:
                leader = data.current_leader
                self.metadata.learn_leader(reader.where, leader.leader_id, leader.leader_epoch)
        else:
            reader.error = code

    def _reset(self, reader: Reader) -> None:
        """What was to be read next is not in the log."""
        policy = {"earliest": BEGINNING, "latest": END}.get(self.config.auto_offset_reset)
        if policy is None:
            reader.error = ErrorCode.OFFSET_OUT_OF_RANGE
        else:
            reader.look_for(policy)

    def _read(self, reader: Reader, data: Buffer) -> None:
        """Queue the records of a partition's answer, from the position on."""
        start = reader.fetch_offset
        try:
            for records, next_offset in _visible_records(data):
                for record in records:
                    if record.offset >= start:
                        self.records.append(_consumed(reader.where, record))
                        reader.buffered += 1
                reader.fetch_offset = max(reader.fetch_offset, next_offset)
        except ApiError as problem:
            reader.error = problem.code
        if reader.fetch_offset == start and len(data) and not reader.error:
            # The first batch is sent whole whatever its size (KIP-74), so this is no progress.
            reader.error = ErrorCode.MESSAGE_TOO_LARGE
        if not reader.buffered:
            reader.position = reader.fetch_offset
        # Who got something goes to the end of the line, so that a full answer starves nobody.
        if reader.fetch_offset > start:
            self.readers[reader.where] = self.readers.pop(reader.where)


def _is_hungry(reader: Reader, now: Now) -> bool:
    if reader.buffered or reader.position is None or reader.error or reader.paused:
        return False
    return reader.retry_at_us <= now.mono_us


def _consumed(where: TopicPartition, record: Record) -> ConsumedRecord:
    offset, timestamp, key, value, headers = record
    return ConsumedRecord(where.topic, where.partition, offset, timestamp, key, value, headers)


def _visible_records(data: Buffer) -> Iterator[tuple[list[Record], int]]:
    """The records of each batch that an application may see, and the offset behind the batch.

    This is the place where isolation_level=read_committed will drop the records of transactions
    that were aborted; for now, all but control records are visible.
    """
    for header, batch in iter_batches(data):
        check_batch(batch, header)
        yield ([] if header.is_control else read_records(batch)), header.next_offset
