"""Record batches: what a log is made of, on the wire and on disk alike.

Producers send records in batches, and a batch is never taken apart on its way: the leader stores
its bytes as they came, followers copy them, consumers get them back and unpack them. So most of
the broker handles only the header, 61 bytes of fixed layout (magic 2, KIP-98):

    offset  size  field
         0     8  base offset               given by the leader        } outside of the checksum:
         8     4  length of what follows                               } a leader can patch them
        12     4  partition leader epoch    given by the leader        } and sum nothing anew
        16     1  magic, always 2                                      }
        17     4  CRC-32C of all that follows
        21     2  attributes: compression (bits 0-2), timestamp type (3), transactional (4),
                  control (5), delete horizon (6)
        23     4  last offset delta
        27     8  base timestamp            35  8  max timestamp       (milliseconds)
        43     8  producer id               51  2  producer epoch      53  4  base sequence
        57     4  number of records
        61        the records, packed together if the batch is compressed

Everything inside is relative: record n has the offset `base_offset + delta`, the sequence
`base_sequence + delta` and the time `base_timestamp + delta`. That is why giving a batch its place
in the log means writing two fields, however many records it holds.

Magic 0 and 1 are the formats before 2017. Kafka 4 refuses them (KIP-724), and so do we.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from broker.wire.compression import MAX_UNPACKED_BYTES, Compression, compress, decompress
from broker.wire.crc32c import crc32c
from broker.wire.errors import (
    ApiError,
    CorruptRecordError,
    ErrorCode,
    FrameError,
    UnsupportedCompressionError,
)
from broker.wire.primitives import Buffer
from broker.wire.record import Headers as Headers
from broker.wire.record import NewRecord as NewRecord
from broker.wire.record import Record as Record
from broker.wire.record import read_record, write_record

LOG_OVERHEAD = 12
"""Base offset and length: what stands before the bytes that the length counts."""
BATCH_OVERHEAD = 61
NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_LEADER_EPOCH = -1

COMPRESSION_BITS = 0x07
LOG_APPEND_TIME_BIT = 0x08
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20

_MAGIC = 2
_SMALLEST_LENGTH = BATCH_OVERHEAD - LOG_OVERHEAD
_SEQUENCES = 1 << 31

_HEADER = struct.Struct(">qiibIhiqqqhii")
_INT16 = struct.Struct(">h")
_INT32 = struct.Struct(">i")
_UINT32 = struct.Struct(">I")
_INT64 = struct.Struct(">q")
_LENGTH_AT = 8
_LEADER_EPOCH_AT = 12
_MAGIC_AT = 16
_CRC_AT = 17
_ATTRIBUTES_AT = 21
FLAGS_AT = _ATTRIBUTES_AT + 1
"""The byte of the attributes that is in use: compression and flags."""
_MAX_TIMESTAMP_AT = 35


class BatchHeader(NamedTuple):
    """The fixed part of a record batch, as it stands in the bytes."""

    base_offset: int
    batch_length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch."""
        return self.batch_length + LOG_OVERHEAD

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return add_to_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def compression(self) -> int:
        return self.attributes & COMPRESSION_BITS

    @property
    def is_log_append_time(self) -> bool:
        return self.attributes & LOG_APPEND_TIME_BIT != 0

    @property
    def is_transactional(self) -> bool:
        return self.attributes & TRANSACTIONAL_BIT != 0

    @property
    def is_control(self) -> bool:
        return self.attributes & CONTROL_BIT != 0


_new_header: Callable[[tuple[int, ...]], BatchHeader] = partial(tuple.__new__, BatchHeader)
"""What `BatchHeader._make` does, without a look at the number of fields, which is known here."""


def add_to_sequence(sequence: int, count: int) -> int:
    """Sequence numbers go up to 2^31 - 1 and then on from 0."""
    return (sequence + count) % _SEQUENCES


# -- the header, which is all that the broker's hot path looks at ----------------------------------


def read_header(buf: Buffer, pos: int = 0) -> BatchHeader:
    """The header of the batch at `pos`. The rest of the batch need not be there."""
    if len(buf) - pos >= BATCH_OVERHEAD:
        header = _new_header(_HEADER.unpack_from(buf, pos))
        if header.magic == _MAGIC and header.batch_length >= _SMALLEST_LENGTH:
            return header
    raise _unreadable(buf, pos)


def _unreadable(buf: Buffer, pos: int) -> ApiError:
    """Why there is no batch at `pos`."""
    if len(buf) - pos <= _MAGIC_AT:
        return CorruptRecordError(f"{len(buf) - pos} bytes are no record batch")
    magic = buf[pos + _MAGIC_AT]
    if magic < _MAGIC:
        # ProduceRequest.validateRecords answers INVALID_RECORD.
        return ApiError(ErrorCode.INVALID_RECORD, f"record format {magic} is not supported, only 2")
    if magic > _MAGIC:
        return CorruptRecordError(f"no record format has the magic number {magic}")
    (length,) = _INT32.unpack_from(buf, pos + _LENGTH_AT)
    if length < _SMALLEST_LENGTH:
        return CorruptRecordError(f"a batch length of {length} is smaller than a header")
    return CorruptRecordError("a record batch ends inside its header")


def iter_batches(buf: Buffer) -> Iterator[tuple[BatchHeader, memoryview]]:
    """The whole batches in `buf`, one after the other.

    A batch that is cut off ends the iteration: an answer to Fetch may stop anywhere.
    """
    view = memoryview(buf)
    pos, end = 0, len(view)
    while end - pos >= BATCH_OVERHEAD:
        header = read_header(view, pos)
        after = pos + header.batch_length + LOG_OVERHEAD
        if after > end:
            return
        yield header, view[pos:after]
        pos = after


def check_batch(view: Buffer, header: BatchHeader) -> None:
    """Is this exactly one batch, and undamaged? Raises CorruptRecordError where it is not.

    Compaction takes records out and keeps the offsets, so there may be fewer records than offsets.
    """
    if len(view) != header.size:
        raise CorruptRecordError(f"a batch of {header.size} bytes comes in {len(view)}")
    check_crc(view, header)
    if not 0 <= header.record_count <= header.last_offset_delta + 1:
        raise CorruptRecordError(
            f"{header.record_count} records in {header.last_offset_delta + 1} offsets"
        )


def check_crc(batch: Buffer, header: BatchHeader) -> None:
    """Are the bytes of a batch what its producer has summed? CorruptRecordError if not."""
    computed = crc32c(memoryview(batch)[_ATTRIBUTES_AT:])
    if computed != header.crc:
        raise CorruptRecordError(
            f"record batch is corrupt: stored crc {header.crc}, computed crc {computed}"
        )


def sole_batch(records: Buffer) -> BatchHeader:
    """The header of the one batch that a producer may send to a partition in a request.

    The rules, and the answer INVALID_RECORD, are those of ProduceRequest.validateRecords and
    LogValidator.validateBatch; the checksum is left to `check_crc`.
    """
    torn = "a Produce request must have one record batch per partition, and a whole one"
    if len(records) < BATCH_OVERHEAD:
        raise _invalid(torn)
    header = read_header(records)
    _, length, _, _, _, attributes, delta, _, _, producer_id, _, sequence, count = header
    size = length + LOG_OVERHEAD
    if size > len(records):
        raise _invalid(torn)
    if size < len(records):
        raise _invalid("a Produce request may contain only one record batch per partition")
    if count <= 0 or count != delta + 1:
        raise _invalid(f"{count} records claim {delta + 1} offsets")
    if attributes & CONTROL_BIT:
        raise _invalid("clients are not allowed to write control records")
    if producer_id >= 0 and sequence < 0:
        raise _invalid(f"a batch with a producer id has the sequence {sequence}")
    if attributes & COMPRESSION_BITS > Compression.ZSTD:  # nobody could ever read it
        raise UnsupportedCompressionError(f"no compression has the id {header.compression}")
    return header


def _invalid(message: str) -> ApiError:
    return ApiError(ErrorCode.INVALID_RECORD, message)


def patch(batch: bytearray | memoryview, base_offset: int, leader_epoch: int) -> None:
    """Give a batch its place in the log. The checksum does not cover these two fields."""
    _INT64.pack_into(batch, 0, base_offset)
    _INT32.pack_into(batch, _LEADER_EPOCH_AT, leader_epoch)


def set_log_append_time(batch: bytearray | memoryview, timestamp_ms: int) -> None:
    """Stamp all records with the time of the append (`message.timestamp.type=LogAppendTime`)."""
    (attributes,) = _INT16.unpack_from(batch, _ATTRIBUTES_AT)
    _INT16.pack_into(batch, _ATTRIBUTES_AT, attributes | LOG_APPEND_TIME_BIT)
    _INT64.pack_into(batch, _MAX_TIMESTAMP_AT, timestamp_ms)
    _UINT32.pack_into(batch, _CRC_AT, crc32c(memoryview(batch)[_ATTRIBUTES_AT:]))


# -- the records inside ----------------------------------------------------------------------------


def read_records(batch: Buffer, max_bytes: int = MAX_UNPACKED_BYTES) -> list[Record]:
    """Unpack a whole batch. Whatever is wrong inside of it raises CorruptRecordError.

    The header says how many records there are; that number is believed only as far as the bytes
    go. `max_bytes` bounds what a packed batch may grow to.
    """
    header = read_header(batch)
    if header.size != len(batch):
        raise CorruptRecordError(f"a batch of {header.size} bytes comes in {len(batch)}")
    data = decompress(header.compression, memoryview(batch)[BATCH_OVERHEAD:], max_bytes)
    if header.record_count < 0:
        raise CorruptRecordError(f"a batch claims {header.record_count} records")
    records: list[Record] = []
    pos = 0
    try:
        for _ in range(header.record_count):
            record, pos = read_record(data, pos, header)
            records.append(record)
    except (IndexError, FrameError):
        raise CorruptRecordError("a record batch ends inside a record") from None
    if pos != len(data):
        raise CorruptRecordError(f"{len(data) - pos} bytes follow the last record of a batch")
    return records


def build_batch(
    records: Iterable[NewRecord],
    *,
    base_offset: int = 0,
    compression: int = Compression.NONE,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    leader_epoch: int = NO_LEADER_EPOCH,
    transactional: bool = False,
    control: bool = False,
) -> bytearray:
    """A batch of at least one record, ready to send. Consecutive offsets, from `base_offset` on."""
    entries = list(records)
    if not entries:
        raise ValueError("a record batch holds at least one record")
    timestamps = [entry[0] for entry in entries]
    base_timestamp = timestamps[0]
    body = bytearray()
    for offset_delta, entry in enumerate(entries):
        write_record(body, offset_delta, base_timestamp, entry)
    payload = compress(compression, body) if compression else body
    flags = TRANSACTIONAL_BIT * transactional | CONTROL_BIT * control
    batch = bytearray(BATCH_OVERHEAD)
    batch += payload
    _HEADER.pack_into(
        batch,
        0,
        *(base_offset, len(batch) - LOG_OVERHEAD, leader_epoch, _MAGIC, 0, compression | flags),
        *(len(entries) - 1, base_timestamp, max(timestamps)),
        *(producer_id, producer_epoch, base_sequence, len(entries)),
    )
    _UINT32.pack_into(batch, _CRC_AT, crc32c(memoryview(batch)[_ATTRIBUTES_AT:]))
    return batch


# -- control records -------------------------------------------------------------------------------


class ControlType(IntEnum):
    """What a record of a control batch says (ControlRecordType in Kafka).

    Control records take an offset as any other, and no consumer ever sees them.
    """

    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2
    SNAPSHOT_HEADER = 3
    SNAPSHOT_FOOTER = 4
    KRAFT_VERSION = 5
    KRAFT_VOTERS = 6


_CONTROL_KEY = struct.Struct(">hh")
_CONTROL_KEY_VERSION = 0


def control_key(kind: ControlType) -> bytes:
    """The key of a control record: a version, and what it says."""
    return _CONTROL_KEY.pack(_CONTROL_KEY_VERSION, kind)


def control_type(key: bytes | None) -> int:
    """What a control record says. A type that nobody knows yet is to be skipped, not refused."""
    if key is None or len(key) < _CONTROL_KEY.size:
        raise CorruptRecordError("the key of a control record is too short")
    version, kind = _CONTROL_KEY.unpack_from(key)
    if version < _CONTROL_KEY_VERSION:
        raise CorruptRecordError(f"the key of a control record has the version {version}")
    return int(kind)
