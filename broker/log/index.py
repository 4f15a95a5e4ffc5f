"""How an offset, or a moment, is found in a segment without reading it.

Beside each segment's `.log` lie two sparse indexes, sorted, of entries of a fixed size. An entry
is added about every `index.interval.bytes` (4096), so an index of a 1 GiB segment takes 2 MiB:

    .index       8 bytes    offset - base offset (int32) · position in the .log (int32)
    .timeindex  12 bytes    timestamp in ms (int64)      · offset - base offset (int32)

Both name a batch by its *last* offset. A search goes to the last entry at or below what it looks
for, and from there reads the headers of at most a few kilobytes of batches.

A third one, `RecentBatches`, never reaches the disk: it knows every single batch that was appended
a moment ago. Those are what consumers and followers that keep up ask for, again and again, and it
answers them without reading anything.

Integers are kept in arrays, as compact as on disk. The file of the segment that is being written
to lags behind; a crash loses nothing but the time it takes to scan what was not yet indexed.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from broker.log.disk import Disk

NO_TIMESTAMP = -1
RELATIVE_OFFSET_MAX = 2**31 - 1
"""Offsets in an index are 32 bits, relative to the segment's base offset."""


class TimeEntry(NamedTuple):
    """Of all records up to `offset`, none is later than `timestamp`."""

    timestamp: int
    offset: int


class OffsetIndex:
    """Offset -> position (Kafka's OffsetIndex)."""

    ENTRY_SIZE = 8
    __slots__ = ("_positions", "_relative", "base_offset", "written")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self.base_offset = base_offset
        entries = array("I", data[: len(data) // self.ENTRY_SIZE * self.ENTRY_SIZE])
        if sys.byteorder == "little":
            entries.byteswap()
        self._relative = entries[0::2]
        self._positions = entries[1::2]
        self._drop_padding()
        self.written = len(self)
        """Entries that are in the file already."""

    def _drop_padding(self) -> None:
        """Kafka allocates index files ahead: after its crash, zeros follow the last entry."""
        while len(self._relative) > 1 and self._relative[-1] <= self._relative[-2]:
            self._relative.pop()
            self._positions.pop()

    def __len__(self) -> int:
        return len(self._relative)

    def entries(self) -> Iterator[tuple[int, int]]:
        """All (offset, position)."""
        for relative, position in zip(self._relative, self._positions, strict=True):
            yield self.base_offset + relative, position

    def append(self, offset: int, position: int) -> None:
        """The batch that ends with `offset` begins at `position`."""
        self._relative.append(offset - self.base_offset)
        self._positions.append(position)

    def lookup(self, offset: int) -> int:
        """Where to begin a search for an offset."""
        slot = bisect_right(self._relative, max(0, offset - self.base_offset)) - 1
        return self._positions[slot] if slot >= 0 else 0

    def floor(self, position: int) -> int:
        """The last indexed beginning of a batch at or before a position."""
        slot = bisect_right(self._positions, position) - 1
        return self._positions[slot] if slot >= 0 else 0

    def keep_to(self, position: int) -> int | None:
        """Forget what lies behind a position; the last offset that is still indexed, or None."""
        keep = bisect_right(self._positions, position)
        self._cut(keep)
        return self.base_offset + self._relative[-1] if keep else None

    def truncate_to(self, offset: int) -> None:
        """Forget batches that reach `offset`."""
        self._cut(bisect_left(self._relative, max(0, offset - self.base_offset)))

    def _cut(self, keep: int) -> None:
        del self._relative[keep:]
        del self._positions[keep:]

    def unwritten(self) -> bytes:
        """The entries that the file lacks, as they stand in it."""
        count = len(self) - self.written
        entries = array("I", bytes(count * self.ENTRY_SIZE))
        entries[0::2] = self._relative[self.written :]
        entries[1::2] = self._positions[self.written :]
        if sys.byteorder == "little":
            entries.byteswap()
        return entries.tobytes()


class TimeIndex:
    """Timestamp -> offset (Kafka's TimeIndex). Timestamps grow, although records' need not:
    an entry holds the largest so far."""

    ENTRY = struct.Struct(">qi")
    ENTRY_SIZE = ENTRY.size
    __slots__ = ("_offsets", "_timestamps", "base_offset", "written")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self.base_offset = base_offset
        self._timestamps = array("q")
        self._offsets = array("I")
        whole = len(data) // self.ENTRY_SIZE * self.ENTRY_SIZE
        for timestamp, relative in self.ENTRY.iter_unpack(data[:whole]):
            if timestamp <= max(0, self.last.timestamp) or relative < 0:
                break  # Padding, as above: no record was ever stamped 0, in 1970.
            self._timestamps.append(timestamp)
            self._offsets.append(relative)
        self.written = len(self)

    def __len__(self) -> int:
        return len(self._timestamps)

    def entries(self) -> Iterator[TimeEntry]:
        """All of them, in order."""
        for timestamp, relative in zip(self._timestamps, self._offsets, strict=True):
            yield TimeEntry(timestamp, self.base_offset + relative)

    @property
    def last(self) -> TimeEntry:
        """The latest entry, or one that stands before all."""
        if not self._timestamps:
            return TimeEntry(NO_TIMESTAMP, self.base_offset)
        return TimeEntry(self._timestamps[-1], self.base_offset + self._offsets[-1])

    def append(self, timestamp: int, offset: int) -> None:
        """Note the largest timestamp so far; nothing happens unless it has grown."""
        if timestamp > self.last.timestamp:
            self._timestamps.append(timestamp)
            self._offsets.append(offset - self.base_offset)

    def lookup(self, timestamp: int) -> TimeEntry:
        """The last entry at or before a moment: what is later begins behind its offset."""
        slot = bisect_right(self._timestamps, timestamp) - 1
        if slot < 0:
            return TimeEntry(NO_TIMESTAMP, self.base_offset)
        return TimeEntry(self._timestamps[slot], self.base_offset + self._offsets[slot])

    def truncate_to(self, offset: int) -> None:
        """Forget entries at or after `offset`."""
        keep = bisect_left(self._offsets, max(0, offset - self.base_offset))
        del self._timestamps[keep:]
        del self._offsets[keep:]

    def unwritten(self) -> bytes:
        """The entries that the file lacks, as they stand in it."""
        pairs = zip(self._timestamps[self.written :], self._offsets[self.written :], strict=True)
        return b"".join(self.ENTRY.pack(timestamp, relative) for timestamp, relative in pairs)


class RecentBatches:
    """Every batch appended lately: last offsets and positions, all that consumers at the end of a
    log ask for. Offsets below `since` are the sparse index's business."""

    LIMIT = 1024
    __slots__ = ("_last_offsets", "_positions", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self._last_offsets = array("q")
        self._positions = array("q")

    def append(self, last_offset: int, position: int) -> None:
        """A batch was appended at `position`."""
        positions = self._positions
        self._last_offsets.append(last_offset)
        positions.append(position)
        if len(positions) > self.LIMIT:
            half = self.LIMIT // 2
            self.since = self._last_offsets[half - 1] + 1
            del self._last_offsets[:half]
            del self._positions[:half]

    def position_of(self, offset: int, end: int) -> int:
        """Where the batch begins that holds an offset from `since` on; `end` if none does."""
        slot = bisect_left(self._last_offsets, offset)
        return self._positions[slot] if slot < len(self._positions) else end

    def floor(self, position: int) -> int:
        """The last known beginning of a batch at or before a position, 0 if none is known."""
        slot = bisect_right(self._positions, position) - 1
        return self._positions[slot] if slot >= 0 else 0


def files_are_sane(disk: Disk, index_path: str, times_path: str, log_size: int) -> bool:
    """A look at the index files of a segment that costs two short reads.

    They should hold whole entries, and the last one should point into the log. Those of Kafka may
    end in zeros after a crash.
    """
    last = b""
    for path, entry_size in (
        (times_path, TimeIndex.ENTRY_SIZE),
        (index_path, OffsetIndex.ENTRY_SIZE),
    ):
        if not disk.exists(path):
            return False
        size = disk.size(path)
        last = disk.read(path, size - entry_size, entry_size) if size >= entry_size else b""
        if size % entry_size or (size and not any(last)):
            return False
    return not last or int.from_bytes(last[4:], "big") < log_size
