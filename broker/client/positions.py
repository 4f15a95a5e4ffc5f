"""Where a consumer stands in each partition, and how it finds its place.

A position is the offset of the next record. It can be given (`seek`), or it has to be looked up at
the leader with ListOffsets: the beginning of the log, its end, or the first record that is not
older than a timestamp. The same happens when a position turns out to lie outside of the log,
because retention has deleted what was there: then `auto_offset_reset` says where to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.backoff import ExponentialBackoff
from broker.client.cluster_view import TopicPartition
from broker.client.connections import Answer, Connections
from broker.client.metadata import STALE_VIEW, MetadataUpdater
from broker.client.outcomes import error_code
from broker.events import Now
from broker.wire.errors import ErrorCode
from broker.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)

END = -1
"""In place of a timestamp or an offset: behind the last record."""
BEGINNING = -2
"""In place of a timestamp or an offset: the oldest record that is still there."""
CONSUMER_ID = -1
"""In the place where a follower names itself."""
_NOT_FOUND = -1
_NO_ANSWER = (ErrorCode.NETWORK_EXCEPTION, _NOT_FOUND)


@dataclass(slots=True)
class Reader:
    """One assigned partition."""

    where: TopicPartition
    position: int | None = None
    """The next record to be polled. None: not known yet."""
    fetch_offset: int = 0
    """The next record to be fetched: ahead of the position by what is fetched and not polled."""
    buffered: int = 0
    """How many records those are."""
    looking_for: int | None = None
    """A timestamp, BEGINNING or END, while the position has to be looked up."""
    asking: bool = False
    generation: int = 0
    """Grows with each jump, so that an answer to an earlier question can be told."""
    paused: bool = False
    error: ErrorCode = ErrorCode.NONE
    """Why this partition cannot go on by itself."""
    attempts: int = 0
    retry_at_us: int = 0
    high_watermark: int | None = None

    def jump(self, offset: int) -> None:
        """Go on at an offset."""
        self._begin_anew()
        self.position = self.fetch_offset = offset

    def look_for(self, timestamp: int) -> None:
        """Go on where a lookup will say."""
        self._begin_anew()
        self.position = None
        self.looking_for = timestamp

    def _begin_anew(self) -> None:
        self.generation += 1
        self.looking_for = None
        self.asking = False
        self.buffered = 0
        self.error = ErrorCode.NONE
        self.retry_at_us = self.attempts = 0

    def retry_later(self, now: Now, backoff: ExponentialBackoff) -> None:
        """Leave this partition alone for a moment."""
        self.retry_at_us = now.mono_us + backoff.delay_us(self.attempts)
        self.attempts += 1


class Asked(NamedTuple):
    """For which readers something was asked. By the time of the answer they may have moved on."""

    readers: list[tuple[Reader, int, int]]
    """Each with the generation and the offset at which it asked."""

    @staticmethod
    def by(readers: list[Reader]) -> Asked:
        """Note who asks."""
        return Asked([(reader, reader.generation, reader.fetch_offset) for reader in readers])

    def still(self, readers: dict[TopicPartition, Reader]) -> Iterator[Reader]:
        """Those for whom the answer is still of interest."""
        for reader, generation, offset in self.readers:
            unmoved = reader.generation == generation and reader.fetch_offset == offset
            if unmoved and readers.get(reader.where) is reader:
                yield reader


class _Lookup(NamedTuple):
    """The purpose of a ListOffsets request."""

    asked: Asked


@dataclass(slots=True)
class PositionFinder:
    """Looks up the positions that are looked for."""

    connections: Connections
    metadata: MetadataUpdater
    backoff: ExponentialBackoff
    readers: dict[TopicPartition, Reader] = field(default_factory=dict)

    def advance(self, now: Now) -> None:
        """Ask the leaders, one request each."""
        searching = [reader for reader in self.readers.values() if _is_searching(reader, now)]
        if not searching:
            return
        for leader, readers in by_leader(searching, self.metadata).items():
            if self.connections.ready(leader, now):
                self._ask(leader, readers, now)

    def _ask(self, leader: int, readers: list[Reader], now: Now) -> None:
        topics: dict[str, list[ListOffsetsPartition]] = {}
        for reader in readers:
            assert reader.looking_for is not None
            reader.asking = True
            partition = ListOffsetsPartition(
                partition_index=reader.where.partition,
                current_leader_epoch=self.metadata.cluster.leadership(reader.where).epoch,
                timestamp=reader.looking_for,
            )
            topics.setdefault(reader.where.topic, []).append(partition)
        request = ListOffsetsRequest(
            replica_id=CONSUMER_ID,
            topics=[ListOffsetsTopic(name=name, partitions=ps) for name, ps in topics.items()],
            timeout_ms=self.connections.config.request_timeout_ms,
        )
        purpose = _Lookup(Asked.by(readers))
        self.connections.send(leader, request, purpose, now)

    def take(self, answer: Answer, now: Now) -> bool:
        """Take in an answer if it is one to a lookup."""
        if not isinstance(answer.purpose, _Lookup):
            return False
        found: dict[TopicPartition, tuple[ErrorCode, int]] = {}
        if isinstance(answer.response, ListOffsetsResponse):
            for topic in answer.response.topics:
                for partition in topic.partitions:
                    where = TopicPartition(topic.name, partition.partition_index)
                    found[where] = (error_code(partition.error_code), partition.offset)
        for reader in answer.purpose.asked.still(self.readers):
            self._found(reader, *found.get(reader.where, _NO_ANSWER), now)
        return True

    def _found(self, reader: Reader, code: ErrorCode, offset: int, now: Now) -> None:
        reader.asking = False
        if code is ErrorCode.NONE and offset != _NOT_FOUND:
            reader.jump(offset)
        elif code is ErrorCode.NONE:
            reader.look_for(END)  # all records are older: what comes next is not
        elif code.retriable:
            reader.retry_later(now, self.backoff)
            if code in STALE_VIEW:
                self.metadata.want()
        else:
            reader.error = code


def _is_searching(reader: Reader, now: Now) -> bool:
    if reader.looking_for is None or reader.error or reader.asking:
        return False
    return reader.retry_at_us <= now.mono_us


def by_leader(readers: Iterable[Reader], metadata: MetadataUpdater) -> dict[int, list[Reader]]:
    """Whom to ask about which partitions. Where that is not known, the metadata are asked for."""
    leaders: dict[int, list[Reader]] = {}
    for reader in readers:
        leader = metadata.cluster.leader(reader.where)
        if leader is None:
            metadata.want()
        else:
            leaders.setdefault(leader, []).append(reader)
    return leaders
