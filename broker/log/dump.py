"""The files of a data directory, as text: what `broker dump FILE` prints.

    orders-0/00000000000000000368.log, 552,783 bytes
    368..370  at 0, 185 bytes, 3 records, epoch 3, producer 77.0 sequence 12..14
        368  2023-11-14 22:13:20.123  'k1' = 'created'
        ...

Nothing here changes a file, and nothing is believed: a batch with a bad checksum is shown as
such, and what follows the last whole batch is called a torn tail. A file that is something else
than its name says raises an error of one line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from broker.log import checkpoints, names
from broker.log.disk import Disk, FileDisk
from broker.log.disk.interface import split
from broker.log.index import OffsetIndex, TimeIndex
from broker.log.producer_state import Producer, read_snapshot
from broker.wire.compression import Compression
from broker.wire.errors import ApiError, CorruptRecordError, StorageError
from broker.wire.primitives import uuid_text
from broker.wire.records import (
    BATCH_OVERHEAD,
    NO_PRODUCER_ID,
    BatchHeader,
    ControlType,
    Record,
    check_batch,
    control_type,
    read_header,
    read_records,
)

DecodeMetadata = Callable[[bytes], str]
"""Says in a line what the value of a metadata record means; given by who knows the records."""

METADATA_TOPIC = "__cluster_metadata"
METADATA_SNAPSHOT = ".checkpoint"
LONGEST_TEXT = 120

_EPOCH = datetime(1970, 1, 1)


def dump(path: str, decode_metadata: DecodeMetadata | None = None) -> Iterator[str]:
    """The lines for a file of this machine."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise StorageError(f"{path} is not a file")
    folder, name = os.path.split(path)
    root, folder_name = os.path.split(folder)
    disk = FileDisk(root, read_only=True)
    return render(disk, f"{folder_name}/{name}" if folder_name else name, decode_metadata)


def render(disk: Disk, path: str, decode_metadata: DecodeMetadata | None = None) -> Iterator[str]:
    """The lines for a file on any disk. What it is, is told by its name."""
    folder, name = split(path)
    yield f"{path}, {disk.size(path):,} bytes"
    is_metadata = split(folder)[1].startswith(METADATA_TOPIC)
    if name.endswith(names.LOG):
        yield from _log(disk, path, decode_metadata if is_metadata else None)
    elif name.endswith(METADATA_SNAPSHOT):
        yield from _log(disk, path, decode_metadata)
    elif name.endswith(names.INDEX):
        yield from _index(path, disk.read(path, 0, disk.size(path)))
    elif name.endswith(names.TIME_INDEX):
        yield from _time_index(path, disk.read(path, 0, disk.size(path)))
    elif name.endswith(names.SNAPSHOT):
        yield from _snapshot(path, disk.read(path, 0, disk.size(path)))
    else:
        yield from _text(disk, folder, name)


# -- record batches --------------------------------------------------------------------------------


def _log(disk: Disk, path: str, decode_metadata: DecodeMetadata | None) -> Iterator[str]:
    size = disk.size(path)
    position = 0
    while position < size:
        try:
            header = read_header(disk.read(path, position, BATCH_OVERHEAD))
            if header.size > size - position:
                raise CorruptRecordError("the file ends inside a batch")
        except ApiError as error:
            yield f"torn tail: {size - position:,} bytes at {position} ({error.message})"
            return
        yield _batch_line(header, position)
        batch = disk.read(path, position, header.size)
        yield from ("    " + line for line in _records(batch, header, decode_metadata))
        position += header.size


def _batch_line(header: BatchHeader, position: int) -> str:
    plural = "" if header.record_count == 1 else "s"
    parts = [
        f"{header.base_offset}..{header.last_offset}  at {position}",
        f"{header.size:,} bytes",
        f"{header.record_count:,} record{plural}",
        f"epoch {header.leader_epoch}",
    ]
    if header.producer_id != NO_PRODUCER_ID:
        parts.append(
            f"producer {header.producer_id}.{header.producer_epoch} "
            f"sequence {header.base_sequence}..{header.last_sequence}"
        )
    if header.compression:
        parts.append(_compression_name(header.compression))
    if header.is_transactional:
        parts.append("transactional")
    if header.is_control:
        parts.append("control")
    if header.is_log_append_time:
        parts.append(f"stamped {time_text(header.max_timestamp)}")
    return ", ".join(parts)


def _compression_name(code: int) -> str:
    try:
        return Compression(code).name.lower()
    except ValueError:
        return f"compression {code}"


def _records(
    batch: bytes, header: BatchHeader, decode_metadata: DecodeMetadata | None
) -> Iterator[str]:
    try:
        check_batch(batch, header)
        records = read_records(batch)
    except ApiError as error:
        yield f"damaged: {error.message}"
        return
    for record in records:
        yield f"{record.offset}  {time_text(record.timestamp)}  " + _record_text(
            record, header, decode_metadata
        )


def _record_text(
    record: Record, header: BatchHeader, decode_metadata: DecodeMetadata | None
) -> str:
    if header.is_control:
        return _control_text(record)
    if decode_metadata is not None and record.value is not None:
        return decode_metadata(record.value)
    text = f"{bytes_text(record.key)} = {bytes_text(record.value)}"
    headers = ", ".join(f"{name}: {bytes_text(value)}" for name, value in record.headers)
    return f"{text}  [{headers}]" if headers else text


def _control_text(record: Record) -> str:
    kind = control_type(record.key)
    try:
        return ControlType(kind).name.lower().replace("_", " ")
    except ValueError:
        return f"control record {kind}"


# -- indexes and snapshots -------------------------------------------------------------------------


def _index(path: str, data: bytes) -> Iterator[str]:
    index = OffsetIndex(_base_offset(path, names.INDEX), _entries(path, data, OffsetIndex))
    for offset, position in index.entries():
        yield f"offset {offset}  at {position}"
    yield from _padding(len(data) // OffsetIndex.ENTRY_SIZE - len(index))


def _time_index(path: str, data: bytes) -> Iterator[str]:
    times = TimeIndex(_base_offset(path, names.TIME_INDEX), _entries(path, data, TimeIndex))
    for timestamp, offset in times.entries():
        yield f"{time_text(timestamp)}  up to offset {offset}"
    yield from _padding(len(data) // TimeIndex.ENTRY_SIZE - len(times))


def _entries(path: str, data: bytes, index: type[OffsetIndex | TimeIndex]) -> bytes:
    if len(data) % index.ENTRY_SIZE:
        raise StorageError(f"{path}: {len(data)} bytes are no entries of {index.ENTRY_SIZE}")
    return data


def _padding(count: int) -> Iterator[str]:
    if count:
        yield f"{count:,} entries that are empty or out of order"


def _base_offset(path: str, suffix: str) -> int:
    offset = names.offset_of(split(path)[1], suffix)
    if offset is None:
        raise StorageError(f"{path}: the name does not begin with an offset of 20 digits")
    return offset


def _snapshot(path: str, data: bytes) -> Iterator[str]:
    try:
        for producer_id, producer in read_snapshot(data):
            yield _producer_line(producer_id, producer)
    except CorruptRecordError as error:
        raise StorageError(f"{path}: {error.message}") from None


def _producer_line(producer_id: int, producer: Producer) -> str:
    line = f"producer {producer_id}.{producer.epoch}"
    for batch in producer.batches:
        line += (
            f"  sequence {batch.first_sequence}..{batch.last_sequence}"
            f" at offset {batch.first_offset}..{batch.last_offset}"
        )
    line += f"  last seen {time_text(producer.last_timestamp)}"
    if producer.txn_first_offset >= 0:
        line += f"  in a transaction since offset {producer.txn_first_offset}"
    return line


# -- checkpoints -----------------------------------------------------------------------------------

_OFFSET_CHECKPOINTS = {
    checkpoints.RECOVERY_POINTS: "durable up to",
    checkpoints.HIGH_WATERMARKS: "high watermark",
    checkpoints.LOG_STARTS: "starts at",
    checkpoints.CLEANED_TO: "cleaned up to",
}


def _text(disk: Disk, folder: str, name: str) -> Iterator[str]:
    path = f"{folder}/{name}" if folder else name
    if name in _OFFSET_CHECKPOINTS:
        for (topic, partition), offset in checkpoints.read_offsets(disk, path).items():
            yield f"{topic}-{partition}  {_OFFSET_CHECKPOINTS[name]} {offset}"
    elif name == checkpoints.LEADER_EPOCHS:
        for epoch, start in checkpoints.read_epochs(disk, folder):
            yield f"epoch {epoch} from offset {start}"
    elif name == checkpoints.PARTITION_METADATA:
        topic_id = checkpoints.read_partition_metadata(disk, folder)
        yield f"topic id {uuid_text(topic_id or b'')}"
    elif name in (checkpoints.META_PROPERTIES, checkpoints.CLEAN_SHUTDOWN, "quorum-state"):
        yield from (checkpoints.read_text(disk, path) or "").splitlines()
    else:
        raise StorageError(
            f"{path}: only .log, .index, .timeindex, .snapshot, .checkpoint and checkpoint files "
            "can be shown"
        )


# -- small things ----------------------------------------------------------------------------------


def time_text(timestamp_ms: int) -> str:
    """A moment as people write it, in UTC.

    >>> time_text(1700000000123)
    '2023-11-14 22:13:20.123'
    """
    if timestamp_ms < 0:
        return "without a time"
    try:
        moment = _EPOCH + timedelta(milliseconds=timestamp_ms)
    except OverflowError:
        return f"{timestamp_ms} ms"
    return moment.isoformat(sep=" ", timespec="milliseconds")


def bytes_text(data: bytes | None) -> str:
    """Bytes as text where they are text, in hexadecimal where they are not, cut where long."""
    if data is None:
        return "null"
    if len(data) > LONGEST_TEXT:
        return f"{_plain(data[:LONGEST_TEXT])}... ({len(data):,} bytes)"
    return _plain(data)


def _plain(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"0x{data.hex()}"
    return repr(text) if text.isprintable() else f"0x{data.hex()}"
