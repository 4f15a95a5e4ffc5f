"""One record, as it lies packed inside a batch.

Numbers are zig-zag varints, lengths come before what they measure, and -1 means null:

    length of what follows
    attributes         one byte, not in use
    timestamp delta    to the batch's base timestamp, in milliseconds
    offset delta       to the batch's base offset
    key                length and bytes
    value              length and bytes; null is a tombstone on a compacted topic
    headers            a count, then name and value each

A record of a key and value of a few bytes costs about seven bytes on top of them. Nothing here is
believed before it is checked: a length must fit into what is left, and what a record says of its
own size must be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from broker.wire.errors import CorruptRecordError
from broker.wire.primitives import read_varint, read_varlong, write_varint

_TIMESTAMP_BITS = 63

Headers = Sequence[tuple[str, bytes | None]]
NewRecord = tuple[int, bytes | None, bytes | None, Headers]
"""What a producer has before there is an offset: timestamp (ms), key, value, headers."""


class Record(NamedTuple):
    """One record as a consumer sees it. A null value is a tombstone on a compacted topic."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class _Base(Protocol):
    """What the deltas in a record are relative to: the header of its batch."""

    @property
    def base_offset(self) -> int: ...
    @property
    def last_offset_delta(self) -> int: ...
    @property
    def base_timestamp(self) -> int: ...
    @property
    def max_timestamp(self) -> int: ...
    @property
    def is_log_append_time(self) -> bool: ...


def read_record(data: bytes, pos: int, header: _Base) -> tuple[Record, int]:
    """The record at `pos`, and the position behind it.

    Raises CorruptRecordError; or, where the data just end, IndexError or FrameError, which the
    caller turns into one: a check on every byte would cost more than all the rest.
    """
    length, pos = _read_varint(data, pos)
    end = pos + length
    if length < 0 or end > len(data):
        raise CorruptRecordError(f"a record claims {length} bytes, {len(data) - pos} are left")
    byte = data[pos + 1]  # + 1: attributes, not in use
    if byte < 0x80:
        timestamp_delta, pos = (byte >> 1) ^ -(byte & 1), pos + 2
    else:
        timestamp_delta, pos = read_varlong(data, pos + 1)
    offset_delta, pos = _read_varint(data, pos)
    key, pos = _read_bytes(data, pos, end)
    value, pos = _read_bytes(data, pos, end)
    headers, pos = _read_headers(data, pos, end)
    if pos != end:
        raise CorruptRecordError(f"a record of {length} bytes has {length + pos - end} inside")
    if not 0 <= offset_delta <= header.last_offset_delta:
        raise CorruptRecordError(f"offset delta {offset_delta} of {header.last_offset_delta}")
    if header.is_log_append_time:
        timestamp = header.max_timestamp
    else:
        timestamp = header.base_timestamp + timestamp_delta
        if timestamp.bit_length() > _TIMESTAMP_BITS:
            raise CorruptRecordError(f"a timestamp of {timestamp} does not fit 64 bits")
    return Record(header.base_offset + offset_delta, timestamp, key, value, headers), end


def _read_bytes(data: bytes, pos: int, end: int) -> tuple[bytes | None, int]:
    length, pos = _read_varint(data, pos)
    if length == -1:
        return None, pos
    if not 0 <= length <= end - pos:
        raise CorruptRecordError(f"a field claims {length} bytes, {end - pos} are left")
    return data[pos : pos + length], pos + length


def _read_headers(
    data: bytes, pos: int, end: int
) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    count, pos = _read_varint(data, pos)
    if count == 0:
        return (), pos
    if not 0 < count <= end - pos:
        raise CorruptRecordError(f"a record claims {count} headers, {end - pos} bytes are left")
    headers = []
    for _ in range(count):
        name, pos = _read_bytes(data, pos, end)
        if name is None:
            raise CorruptRecordError("a record header has no name")
        value, pos = _read_bytes(data, pos, end)
        # Like Java, rather show a name that is no UTF-8 than stop all reading of the partition.
        headers.append((name.decode("utf-8", "replace"), value))
    return tuple(headers), pos


def _read_varint(data: bytes, pos: int) -> tuple[int, int]:
    """The innermost step of reading. Most numbers in a record fit one byte."""
    byte = data[pos]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), pos + 1
    return read_varint(data, pos)


def write_record(out: bytearray, offset_delta: int, base_timestamp: int, entry: NewRecord) -> None:
    """Append a record to the body of a batch."""
    timestamp, key, value, headers = entry
    record = bytearray(1)  # attributes, of which none is in use
    record += write_varint(timestamp - base_timestamp)
    record += write_varint(offset_delta)
    _write_bytes(record, key)
    _write_bytes(record, value)
    record += write_varint(len(headers))
    for name, content in headers:
        _write_bytes(record, name.encode())
        _write_bytes(record, content)
    out += write_varint(len(record))
    out += record


def _write_bytes(out: bytearray, content: bytes | None) -> None:
    if content is None:
        out += write_varint(-1)
    else:
        out += write_varint(len(content))
        out += content
