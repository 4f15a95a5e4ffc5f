"""Why a retry is not written twice: what a log remembers of its producers.

A producer that gets no answer sends its batch again, and cannot know whether the first copy was
written. So an idempotent producer numbers its records (KIP-98): it has an id, an epoch that
fences off its own earlier lives, and a sequence number per partition that grows by one with each
record. For each id the log keeps the sequence ranges of the last five batches, and of each new
one asks:

    1. Is it one of those five?              a retry: answer with the offset it got back then
    2. Is its epoch older than the last?     a zombie: INVALID_PRODUCER_EPOCH
    3. Does it begin where the last ended?   write it; else OUT_OF_ORDER_SEQUENCE_NUMBER

Five, because a producer has at most five requests in flight (max.in.flight.requests).

A producer the log has never heard of, or has forgotten, may begin with any sequence: its earlier
records may have been deleted by retention (since Kafka 2.4, KIP-360; UNKNOWN_PRODUCER_ID is no
longer given).

The state is a function of the log: whoever replays the batches gets it. To spare that, it is
written to a `.snapshot` file when a segment is rolled and when the log is closed.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from broker.wire.crc32c import crc32c
from broker.wire.errors import ApiError, CorruptRecordError, ErrorCode
from broker.wire.primitives import Buffer
from broker.wire.records import (
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    BatchHeader,
    add_to_sequence,
    read_records,
)

BATCHES_REMEMBERED = 5
SEQUENCES = 1 << 31
"""Sequence numbers run from 0 to 2^31 - 1, and then from 0 again."""

_SNAPSHOT_VERSION = 1
_PREFIX = struct.Struct(">hIi")
_CRC_FROM = 6
_ENTRY = struct.Struct(">qhiqiqiq")
_END_MARKER_VALUE = struct.Struct(">hi")


class Origin(Enum):
    """Who appends, which decides what is checked (Kafka's AppendOrigin)."""

    CLIENT = "client"
    """A producer: nothing is taken on trust."""
    COORDINATOR = "coordinator"
    """A group or transaction coordinator: it writes control records and has no sequences."""
    QUORUM = "quorum"
    """The leader of the metadata log."""


class RememberedBatch(NamedTuple):
    """One batch of a producer, as much of it as tells a retry from something new."""

    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def first_sequence(self) -> int:
        """Where its sequence range began."""
        return (self.last_sequence - self.offset_delta) % SEQUENCES

    @property
    def first_offset(self) -> int:
        """The offset of its first record."""
        return self.last_offset - self.offset_delta


class Producer:
    """What is known of one producer id."""

    __slots__ = ("batches", "coordinator_epoch", "epoch", "last_timestamp", "txn_first_offset")

    def __init__(
        self,
        epoch: int = NO_PRODUCER_EPOCH,
        coordinator_epoch: int = -1,
        last_timestamp: int = -1,
        txn_first_offset: int = -1,
    ) -> None:
        self.epoch = epoch
        self.batches: deque[RememberedBatch] = deque(maxlen=BATCHES_REMEMBERED)
        self.coordinator_epoch = coordinator_epoch
        self.last_timestamp = last_timestamp
        self.txn_first_offset = txn_first_offset
        """Where its open transaction began, -1 if it has none."""

    def enter(self, epoch: int) -> None:
        """A new epoch starts with no past."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.batches.clear()

    def expects(self, header: BatchHeader) -> bool:
        """Whether this is simply the next batch, as nearly all are."""
        return (
            header.producer_epoch == self.epoch
            and bool(self.batches)
            and header.base_sequence == self.batches[-1].last_sequence + 1
        )

    def find(self, header: BatchHeader) -> RememberedBatch | None:
        """The batch that this one repeats."""
        if header.producer_epoch == self.epoch and self.batches:
            first, last = header.base_sequence, header.last_sequence
            for batch in self.batches:
                if batch.last_sequence == last and batch.first_sequence == first:
                    return batch
        return None


class ProducerState:
    """All producers of one log, as of `end_offset` (Kafka's ProducerStateManager)."""

    def __init__(self) -> None:
        self.producers: dict[int, Producer] = {}
        self.end_offset = 0
        """Every batch below this offset is accounted for."""

    # -- before an append -----------------------------------------------------------------------

    def check(self, header: BatchHeader, origin: Origin) -> RememberedBatch | None:
        """May this batch be appended? Returns the batch that it repeats, if it is a retry."""
        producer = self.producers.get(header.producer_id)
        if producer is None or producer.expects(header):
            return None
        if origin is Origin.CLIENT:
            repeated = producer.find(header)
            if repeated is not None:
                return repeated
        if header.producer_epoch < producer.epoch:
            raise ApiError(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"epoch {header.producer_epoch} of producer {header.producer_id} is older than "
                f"the last seen epoch {producer.epoch}",
            )
        if origin is Origin.CLIENT:
            _check_sequence(header, producer)
        return None

    # -- after an append ------------------------------------------------------------------------

    def update(self, header: BatchHeader, base_offset: int, batch: Buffer) -> None:
        """A batch of a producer was appended at `base_offset`."""
        if header.is_control:
            self._end_transaction(header, batch)
            return
        producer = self.producers.get(header.producer_id)
        if producer is None:
            producer = self.producers[header.producer_id] = Producer()
        producer.enter(header.producer_epoch)
        delta, timestamp = header.last_offset_delta, header.max_timestamp
        producer.batches.append(
            RememberedBatch(header.last_sequence, base_offset + delta, delta, timestamp)
        )
        producer.last_timestamp = timestamp
        if header.is_transactional and producer.txn_first_offset < 0:
            producer.txn_first_offset = base_offset

    def replay(self, header: BatchHeader, batch: Buffer) -> None:
        """Take in a batch that is in the log already, be it a follower's or read in recovery.

        It was checked when its leader took it in, so nothing is refused here.
        """
        if header.producer_id != NO_PRODUCER_ID:
            self.update(header, header.base_offset, batch)
        self.end_offset = header.next_offset

    def _end_transaction(self, header: BatchHeader, batch: Buffer) -> None:
        """A commit or abort marker; after compaction it may have lost its only record."""
        records = read_records(batch)
        if not records:
            return
        producer = self.producers.setdefault(header.producer_id, Producer())
        producer.enter(header.producer_epoch)
        value = records[0].value or b""
        if len(value) >= _END_MARKER_VALUE.size:
            producer.coordinator_epoch = _END_MARKER_VALUE.unpack_from(value)[1]
        producer.last_timestamp = records[0].timestamp
        producer.txn_first_offset = -1

    # -- forgetting -----------------------------------------------------------------------------

    def expire(self, now_ms: int, max_idle_ms: int) -> int:
        """Forget producers that were idle too long and have no open transaction."""
        expired = [
            producer_id
            for producer_id, producer in self.producers.items()
            if producer.txn_first_offset < 0 and now_ms - producer.last_timestamp >= max_idle_ms
        ]
        for producer_id in expired:
            del self.producers[producer_id]
        return len(expired)

    def clear(self, end_offset: int) -> None:
        """Start anew at an offset."""
        self.producers.clear()
        self.end_offset = end_offset

    # -- the .snapshot file ---------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The state as a `.snapshot` file: version, CRC-32C of what follows, count, entries.

        Of the five batches only the last is kept, as in Kafka: after a restart, a retry of an
        older one is answered with OUT_OF_ORDER_SEQUENCE_NUMBER.
        """
        entries = b"".join(self._entries())
        body = len(self.producers).to_bytes(4, "big") + entries
        return _PREFIX.pack(_SNAPSHOT_VERSION, crc32c(body), len(self.producers)) + entries

    def _entries(self) -> Iterator[bytes]:
        for producer_id, producer in self.producers.items():
            last = producer.batches[-1] if producer.batches else RememberedBatch(-1, -1, 0, -1)
            yield _ENTRY.pack(
                producer_id,
                producer.epoch,
                last.last_sequence,
                last.last_offset,
                last.offset_delta,
                producer.last_timestamp,
                producer.coordinator_epoch,
                producer.txn_first_offset,
            )

    def load(self, data: bytes, end_offset: int) -> None:
        """Replace the state by a snapshot's; CorruptRecordError if it is damaged."""
        self.producers = dict(read_snapshot(data))
        self.end_offset = end_offset


def _check_sequence(header: BatchHeader, producer: Producer) -> None:
    """Sequences of an epoch begin at 0 and leave no gap (ProducerAppendInfo.checkSequence)."""
    if producer.epoch == NO_PRODUCER_EPOCH:
        return
    first = header.base_sequence
    if header.producer_epoch != producer.epoch:
        expected = 0
    else:
        last = producer.batches[-1].last_sequence if producer.batches else NO_SEQUENCE
        expected = add_to_sequence(last, 1)
    if first != expected:
        raise ApiError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"producer {header.producer_id}, epoch {header.producer_epoch}: "
            f"sequence {first} came where {expected} was expected",
        )


def read_snapshot(data: bytes) -> Iterator[tuple[int, Producer]]:
    """The producers in a `.snapshot` file."""
    if len(data) < _PREFIX.size:
        raise CorruptRecordError("a producer snapshot is too short")
    version, crc, count = _PREFIX.unpack_from(data)
    if version != _SNAPSHOT_VERSION:
        raise CorruptRecordError(f"a producer snapshot of version {version} is not known")
    if crc32c(data[_CRC_FROM:]) != crc:
        raise CorruptRecordError("a producer snapshot does not match its checksum")
    if len(data) != _PREFIX.size + count * _ENTRY.size:
        raise CorruptRecordError(f"a producer snapshot of {count} entries has {len(data)} bytes")
    for fields in _ENTRY.iter_unpack(data[_PREFIX.size :]):
        producer_id, epoch, sequence, offset, delta, timestamp, coordinator, txn_start = fields
        producer = Producer(epoch, coordinator, timestamp, txn_start)
        if offset >= 0:
            producer.batches.append(RememberedBatch(sequence, offset, delta, timestamp))
        yield producer_id, producer
