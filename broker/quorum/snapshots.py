"""Snapshots of the metadata: all that the records before an offset have led to (KIP-630).

    00000000000000004711-0000000003.checkpoint        what offsets 0..4710 say; 4710 was of epoch 3
    00000000000000004711-0000000003.checkpoint.part   still being written, or fetched

A snapshot is a file of record batches, between a `SnapshotHeader` and a `SnapshotFooter`, both
control records: without its footer it is not whole. Who has one needs no record before it, so the
log may forget them; who is asked for such a record answers with the snapshot's name instead. The
offsets inside are the snapshot's own, counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from broker.log.disk import Buffer, Disk
from broker.quorum.record_versions import record_version
from broker.wire.codec import decode_metadata_record, encode, encode_metadata_record
from broker.wire.errors import (
    ApiError,
    CorruptRecordError,
    FrameError,
    StorageError,
    invariant,
)
from broker.wire.messages.control_records import SnapshotFooterRecord, SnapshotHeaderRecord
from broker.wire.records import (
    BATCH_OVERHEAD,
    BatchHeader,
    ControlType,
    build_batch,
    check_batch,
    control_key,
    control_type,
    read_header,
    read_records,
)
from broker.wire.schema import Message

CHECKPOINT = ".checkpoint"
PART = ".part"
_OFFSET_DIGITS, _EPOCH_DIGITS = 20, 10


class OffsetAndEpoch(NamedTuple):
    """A place in the log: an offset, and the epoch of the record before it."""

    offset: int
    epoch: int

    @property
    def rank(self) -> tuple[int, int]:
        """What tells the longer of two logs: the later epoch, then the higher offset."""
        return self.epoch, self.offset


SnapshotId = OffsetAndEpoch
"""A snapshot is named after the place that it ends at."""


def file_name(snapshot: SnapshotId) -> str:
    """What the file of a snapshot is called.

    >>> file_name(SnapshotId(4711, 3))
    '00000000000000004711-0000000003.checkpoint'
    """
    return f"{snapshot.offset:0{_OFFSET_DIGITS}d}-{snapshot.epoch:0{_EPOCH_DIGITS}d}{CHECKPOINT}"


def parse_name(name: str) -> SnapshotId | None:
    """The snapshot that a file of this name is; None for any other file."""
    offset, dash, epoch = name.removesuffix(CHECKPOINT).partition("-")
    if not (dash and offset.isdecimal() and epoch.isdecimal()):
        return None
    snapshot = SnapshotId(int(offset), int(epoch))
    return snapshot if name == file_name(snapshot) else None


class _PartFile:
    """A file that is not a snapshot yet, and becomes one by a rename."""

    def __init__(self, disk: Disk, folder: str, snapshot_id: SnapshotId) -> None:
        self.id = snapshot_id
        self.size = 0
        self._disk = disk
        self._folder = folder
        self._path = f"{folder}/{file_name(snapshot_id)}"
        disk.delete(self._path + PART)

    def write(self, data: Buffer) -> None:
        self._disk.append(self._path + PART, data)
        self.size += len(data)

    def freeze(self) -> None:
        """From here on it is a snapshot: durable first, then under its name, durable again."""
        self._disk.sync_now([self._path + PART])
        self._disk.rename(self._path + PART, self._path)
        self._disk.sync_now([self._folder])

    def discard(self) -> None:
        self._disk.delete(self._path + PART)
        self.size = 0


class SnapshotReceiver(_PartFile):
    """A snapshot on its way from the leader, piece by piece. Pieces are cut anywhere."""

    def complete(self) -> None:
        """All bytes are there. Raises CorruptRecordError if they are no snapshot."""
        for _ in read_batches(self._disk, self._path + PART):
            pass
        self.freeze()


class SnapshotFile:
    """A snapshot that is written here, one batch of records at a time."""

    def __init__(self, disk: Disk, folder: str, snapshot_id: SnapshotId, timestamp_ms: int) -> None:
        self.id = snapshot_id
        self.finished = False
        self._file = _PartFile(disk, folder, snapshot_id)
        self._timestamp_ms = timestamp_ms
        self._next_offset = 0
        header = SnapshotHeaderRecord(version=0, last_contained_log_timestamp=timestamp_ms)
        self._control(ControlType.SNAPSHOT_HEADER, header)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.size

    def append(self, records: Sequence[Message]) -> None:
        """Add some records; they go into one batch."""
        invariant(not self.finished, "nothing is added to a finished snapshot")
        if records:
            self._batch([(None, encode_metadata_record(r, record_version(r))) for r in records])

    def freeze(self) -> None:
        """The footer is written, and the file becomes the snapshot."""
        self._control(ControlType.SNAPSHOT_FOOTER, SnapshotFooterRecord(version=0))
        self._file.freeze()
        self.finished = True

    def discard(self) -> None:
        """It is not wanted any more."""
        self._file.discard()
        self.finished = True

    def _control(self, kind: ControlType, value: Message) -> None:
        self._batch([(control_key(kind), encode(value, 0))], control=True)

    def _batch(self, values: list[tuple[bytes | None, bytes]], control: bool = False) -> None:
        batch = build_batch(
            ((self._timestamp_ms, key, value, ()) for key, value in values),
            base_offset=self._next_offset,
            leader_epoch=self.id.epoch,
            control=control,
        )
        self._next_offset += len(values)
        self._file.write(batch)


# -- reading ---------------------------------------------------------------------------------------


def read_snapshot(disk: Disk, path: str) -> Iterator[tuple[Message, ...]]:
    """The records of a snapshot, batch by batch."""
    try:
        for header, batch in read_batches(disk, path):
            if not header.is_control:
                records = read_records(batch)
                yield tuple(decode_metadata_record(record.value or b"")[0] for record in records)
    except (ApiError, FrameError) as error:
        raise StorageError(f"{path} is no snapshot: {error}") from None


def read_batches(disk: Disk, path: str) -> Iterator[tuple[BatchHeader, bytes]]:
    """Each batch, checked, and that they begin with the header and end with the footer."""
    size, position = disk.size(path), 0
    first = last = -1
    while position < size:
        header = read_header(disk.read(path, position, BATCH_OVERHEAD))
        if header.size > size - position:
            raise CorruptRecordError("the snapshot ends inside a batch")
        batch = disk.read(path, position, header.size)
        check_batch(batch, header)
        last = control_type(read_records(batch)[0].key) if header.is_control else -1
        if not position:
            first = last
        position += header.size
        yield header, batch
    if first != ControlType.SNAPSHOT_HEADER or last != ControlType.SNAPSHOT_FOOTER:
        raise CorruptRecordError("the snapshot has no header, or no footer")


def header_timestamp_ms(disk: Disk, path: str) -> int:
    """When the last record that a snapshot stands for was appended."""
    header = read_header(disk.read(path, 0, BATCH_OVERHEAD))
    return header.max_timestamp
