"""A segment: the part of a log that is one file.

    00000000000000000368.log        batches 368..., as they came
    00000000000000000368.index      where some of them stand
    00000000000000000368.timeindex  how late it was by then

Only the last segment of a log, the *active* one, is written to. When it is full it is sealed and
never changes again; retention then deletes whole files, oldest first, which costs the same whether
a segment holds ten records or ten million.

Reading never unpacks anything: a read is a slice of the file, from one batch's beginning to
another's. Nor does it sum a checksum; as with Kafka, a bit that rots on the disk is found by the
consumer, whose client checks every batch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from broker.log import names
from broker.log.config import LogConfig
from broker.log.disk import Buffer, Disk
from broker.log.index import (
    NO_TIMESTAMP,
    RELATIVE_OFFSET_MAX,
    OffsetIndex,
    RecentBatches,
    TimeEntry,
    TimeIndex,
    files_are_sane,
)
from broker.wire.errors import CorruptRecordError
from broker.wire.records import BATCH_OVERHEAD, LOG_OVERHEAD, BatchHeader, read_header

SCAN_BYTES = 16 * 1024
"""How much is read at once to walk over batches: a bit more than lies between two index entries."""

UNKNOWN = 1 << 63
"""Beyond every offset: of a segment that was just opened, no batch is known yet."""

_WALK = struct.Struct(">qi11xi")
_SMALLEST_LENGTH = BATCH_OVERHEAD - LOG_OVERHEAD
_LENGTH_AT = 8


class Segment:
    """One `.log` file with its indexes. Offsets in it are at or above `base_offset`."""

    __slots__ = (
        "_first_timestamp",
        "_index",
        "_index_is_full",
        "_latest",
        "_recent",
        "_times",
        "_unindexed",
        "base_offset",
        "created_ms",
        "disk",
        "folder",
        "next_offset",
        "path",
        "size",
    )

    def __init__(self, disk: Disk, folder: str, base_offset: int, created_ms: int) -> None:
        self.disk = disk
        self.folder = folder
        self.base_offset = base_offset
        self.next_offset = base_offset
        """One more than the last offset; for an old segment, where the next one begins."""
        self.path = names.offset_file(folder, base_offset, names.LOG)
        self.size = disk.size(self.path)
        self.created_ms = created_ms
        """Since when it is open here: stands in for the age of records without a timestamp."""
        self._index: OffsetIndex | None = None
        self._times: TimeIndex | None = None
        self._recent = RecentBatches(UNKNOWN)
        self._latest: TimeEntry | None = None
        self._first_timestamp: int | None = None
        self._unindexed = 0
        self._index_is_full = False

    @classmethod
    def create(
        cls, disk: Disk, folder: str, base_offset: int, created_ms: int, *, is_first: bool = False
    ) -> Segment:
        """A new, empty segment. What is left over of an earlier one by this name goes; the first in
        a new folder has none."""
        if not is_first:
            for suffix in names.SEGMENT_FILES:
                disk.delete(names.offset_file(folder, base_offset, suffix))
        disk.append(names.offset_file(folder, base_offset, names.LOG), b"")
        segment = cls(disk, folder, base_offset, created_ms)
        segment.forget_indexes(in_files=not is_first)
        return segment

    def file(self, suffix: str) -> str:
        """The path of one of its files."""
        return names.offset_file(self.folder, self.base_offset, suffix)

    def move_to(self, folder: str) -> None:
        """The folder was renamed."""
        self.folder = folder
        self.path = self.file(names.LOG)

    # -- appending ------------------------------------------------------------------------------

    def append(
        self, batch: Buffer, last_offset: int, max_timestamp: int, config: LogConfig
    ) -> None:
        """Add one batch."""
        self.disk.append(self.path, batch)
        self.account(len(batch), last_offset, max_timestamp, config)

    def account(
        self, size: int, last_offset: int, max_timestamp: int, config: LogConfig | None
    ) -> None:
        """Take note of a batch that now stands at the end of the file.

        An index entry is added if it is time for one; without a config, never.
        """
        if max_timestamp > (self._latest or self.latest).timestamp:
            self._latest = TimeEntry(max_timestamp, last_offset)
            if self._first_timestamp is None:
                self._first_timestamp = max_timestamp
        position = self.size
        if config is not None and self._unindexed > config.index_interval_bytes:
            self._add_entry(last_offset, position, config)
        self._recent.append(last_offset, position)
        self._unindexed += size
        self.size = position + size
        self.next_offset = last_offset + 1

    def _add_entry(self, last_offset: int, position: int, config: LogConfig) -> None:
        self.index.append(last_offset, position)
        self.times.append(*self.latest)
        self._unindexed = 0
        room = config.segment_index_bytes
        # The last slot of the time index is kept free for the entry that `seal` adds.
        self._index_is_full = (
            len(self.index) >= room // OffsetIndex.ENTRY_SIZE
            or len(self.times) >= room // TimeIndex.ENTRY_SIZE - 1
        )

    def must_roll(
        self, size: int, last_offset: int, timestamp: int, now_ms: int, config: LogConfig
    ) -> bool:
        """Whether the next batch belongs into a new segment (LogSegment.shouldRoll)."""
        if last_offset - self.base_offset > RELATIVE_OFFSET_MAX:
            return True
        first = self._first_timestamp
        waited_ms = timestamp - first if first and first > 0 else self._waited_ms(timestamp, now_ms)
        return self.size > 0 and (
            self.size > config.segment_bytes - size
            or self._index_is_full
            or waited_ms > config.segment_ms
        )

    def _waited_ms(self, timestamp: int, now_ms: int) -> int:
        """The age of a segment is counted in its records' own time, if they have one."""
        first = self._first_timestamp
        if first is None:
            first = self.first_timestamp
        if first >= 0:
            return timestamp - first
        return now_ms - self.created_ms

    @property
    def first_timestamp(self) -> int:
        """The time of the first batch, -1 if it has none."""
        if self._first_timestamp is None:
            if not self.size:
                return NO_TIMESTAMP
            header = read_header(self.disk.read(self.path, 0, BATCH_OVERHEAD))
            self._first_timestamp = header.max_timestamp
        return self._first_timestamp

    def seal(self) -> None:
        """Finish the index files: the log goes on elsewhere, or is closed."""
        self.times.append(*self.latest)
        self.write_indexes()

    @property
    def is_sealed(self) -> bool:
        """Whether the index files hold all that they would after `seal`."""
        return (
            self.times.last.timestamp == self.latest.timestamp
            and self.times.written == len(self.times)
            and self.index.written == len(self.index)
            and self.disk.exists(self.file(names.INDEX))
        )

    # -- the indexes ----------------------------------------------------------------------------

    @property
    def index(self) -> OffsetIndex:
        """Offset -> position; read from its file when it is needed."""
        if self._index is None:
            self._index = OffsetIndex(self.base_offset, self._read_file(names.INDEX))
        return self._index

    @property
    def times(self) -> TimeIndex:
        """Timestamp -> offset; read from its file when it is needed."""
        if self._times is None:
            self._times = TimeIndex(self.base_offset, self._read_file(names.TIME_INDEX))
        return self._times

    @property
    def latest(self) -> TimeEntry:
        """The largest timestamp, and the last offset of the batch that has it."""
        if self._latest is None:
            if self._times is None:
                self._latest = self._last_time_entry()
            else:
                self._latest = self._times.last
        return self._latest

    def _last_time_entry(self) -> TimeEntry:
        """One entry is all that retention needs of the time index of an old segment."""
        path = self.file(names.TIME_INDEX)
        start = self.disk.size(path) - TimeIndex.ENTRY_SIZE
        data = self.disk.read(path, start, TimeIndex.ENTRY_SIZE) if start >= 0 else b""
        return TimeIndex(self.base_offset, data).last

    def _read_file(self, suffix: str) -> bytes:
        path = self.file(suffix)
        return self.disk.read(path, 0, self.disk.size(path))

    @property
    def indexes_are_loaded(self) -> bool:
        """Whether index entries take up memory."""
        return self._index is not None

    def unload_indexes(self) -> None:
        """Free the memory of a sealed segment's indexes."""
        _ = self.latest
        self._index = self._times = None

    def forget_indexes(self, *, in_files: bool = True) -> None:
        """Begin both indexes anew, files and all."""
        for suffix in (names.INDEX, names.TIME_INDEX) if in_files else ():
            if self.disk.exists(self.file(suffix)):
                self.disk.truncate(self.file(suffix), 0)
        self._index = OffsetIndex(self.base_offset)
        self._times = TimeIndex(self.base_offset)
        self._latest = TimeEntry(NO_TIMESTAMP, self.base_offset)
        self._recent = RecentBatches(self.base_offset)
        self._first_timestamp = None
        self._unindexed = 0
        self._index_is_full = False

    def write_indexes(self) -> None:
        """Bring the index files up to date; they come into being with the first call."""
        for index, suffix in ((self.index, names.INDEX), (self.times, names.TIME_INDEX)):
            self.disk.append(self.file(suffix), index.unwritten())
            index.written = len(index)

    def _cut_index_files(self) -> None:
        """After entries were forgotten: they must go from the files as well."""
        for index, suffix in ((self.index, names.INDEX), (self.times, names.TIME_INDEX)):
            if index.written > len(index):
                self.disk.truncate(self.file(suffix), len(index) * index.ENTRY_SIZE)
                index.written = len(index)

    def indexes_are_sane(self) -> bool:
        """Whether the index files look as if they could be trusted."""
        paths = self.file(names.INDEX), self.file(names.TIME_INDEX)
        return files_are_sane(self.disk, *paths, self.size)

    # -- finding --------------------------------------------------------------------------------

    def locate(self, offset: int) -> int:
        """Where the first batch that reaches an offset begins; the segment's size if none does."""
        if offset >= self._recent.since:
            return self._recent.position_of(offset, self.size)
        position = self.index.lookup(offset)
        while position < self.size:
            chunk = self._chunk(position)
            at = 0
            while len(chunk) - at >= _WALK.size:
                base, length, delta = _WALK.unpack_from(chunk, at)
                if base + delta >= offset:
                    return position + at
                if length < _SMALLEST_LENGTH:
                    raise self.damaged(position + at)
                at += length + LOG_OVERHEAD
            position += at
        return self.size

    def headers(self, position: int) -> Iterator[tuple[int, BatchHeader]]:
        """The headers of the batches from a position on, each with its own position."""
        while position < self.size:
            chunk = self._chunk(position)
            at = 0
            while len(chunk) - at >= BATCH_OVERHEAD:
                header = read_header(chunk, at)
                yield position + at, header
                at += header.size
            position += at

    def _chunk(self, position: int) -> bytes:
        """Some bytes to walk over, with at least one header in them."""
        chunk = self.disk.read(self.path, position, min(SCAN_BYTES, self.size - position))
        if len(chunk) < BATCH_OVERHEAD:
            raise self.damaged(position)
        return chunk

    def damaged(self, position: int) -> CorruptRecordError:
        """The error for bytes that are no batch, in a place where one was written once."""
        return CorruptRecordError(f"{self.path} is damaged at position {position}")

    # -- reading --------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, end_offset: int, min_one: bool) -> bytes | None:
        """Whole batches from the one that holds `offset` up to `end_offset`, as they are stored.

        None if the segment ends before `offset`. No more than `max_bytes`, but with `min_one` the
        first batch comes whole, however large: a consumer could never get past it otherwise
        (KIP-74).
        """
        start = self.locate(offset)
        if start >= self.size:
            return None
        end = self.size if end_offset >= self.next_offset else self.locate(end_offset)
        if end - start <= max_bytes:
            return self.disk.read(self.path, start, end - start) if end > start else b""
        data = self.disk.read(self.path, start, max(max_bytes, LOG_OVERHEAD))
        first = int.from_bytes(data[_LENGTH_AT:LOG_OVERHEAD], "big", signed=True) + LOG_OVERHEAD
        if first < BATCH_OVERHEAD:
            raise self.damaged(start)
        if start + first > end:
            raise self.damaged(start)
        if first > max_bytes:
            return self.read_batch(start, first) if min_one else b""
        return data[: self._whole_batches(start, data)]

    def read_batch(self, position: int, size: int) -> bytes:
        """The batch of a known size at a position."""
        return self.disk.read(self.path, position, size)

    def _whole_batches(self, start: int, data: bytes) -> int:
        """How much of data read from `start` is whole batches: a jump near the end, then steps."""
        limit = start + len(data)
        at = max(start, self.index.floor(limit), self._recent.floor(limit)) - start
        while len(data) - at >= LOG_OVERHEAD:
            length = int.from_bytes(data[at + _LENGTH_AT : at + LOG_OVERHEAD], "big", signed=True)
            if length < _SMALLEST_LENGTH:
                raise self.damaged(start + at)
            if at + LOG_OVERHEAD + length > len(data):
                break
            at += LOG_OVERHEAD + length
        return at

    # -- cutting and deleting --------------------------------------------------------------------

    def truncate_to(self, offset: int) -> None:
        """Remove the batches that reach `offset` or lie behind it."""
        position = self.locate(offset)
        if position < self.size:
            self.truncate_at(position, offset)

    def truncate_at(self, position: int, next_offset: int) -> None:
        """Cut the file at the beginning of a batch."""
        self.disk.truncate(self.path, position)
        self.size = position
        indexed = self.index.floor(max(0, position - 1))
        kept = [header for _, header in self.headers(indexed)]
        self.restart_at(indexed, kept[0].base_offset if kept else next_offset)
        for header in kept:
            self.account(header.size, header.last_offset, header.max_timestamp, None)
        self.next_offset = next_offset

    def restart_at(self, position: int, base_offset: int, keep_times: bool = False) -> None:
        """Forget all from an indexed batch on, as if the file ended before it.

        The batches that follow, the first of which begins with `base_offset`, are to be accounted
        for anew. Entries of the time index may stay where those batches are known to be whole.
        """
        indexed = self.index.keep_to(position)
        if not keep_times:
            self.times.truncate_to(self.base_offset if indexed is None else indexed + 1)
        self._cut_index_files()
        self._latest = self.times.last
        self._recent = RecentBatches(base_offset)
        self._unindexed = 0
        self._index_is_full = False
        self.size = position
        if not position:
            self._first_timestamp = None

    def delete(self) -> None:
        """Remove its files."""
        for suffix in names.SEGMENT_FILES:
            self.disk.delete(self.file(suffix))
