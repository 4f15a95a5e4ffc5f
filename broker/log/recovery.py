"""Opening a log: what is there, and what a crash has left of it.

    |- segment 0 -|- segment 368 ---|- segment 702 ---------|
                          ^ recovery point                  ^ how far it was written
    trusted .............. scanned: every checksum ......... the torn rest is cut off

Up to the *recovery point* a log was made durable, and what was written before it is believed. What
follows may have been lost with the power, in part or in any order. So it is read, batch by
batch, and the log ends before the first batch that is not whole or not in its place; later segments
are deleted. On the way the indexes, the producers' state and the leader epochs are put together
again.

After a clean shutdown nothing needs to be checked: the last index entry leads to the last
batches, and a snapshot holds the state of the producers.

The scan begins at the recovery point, or before it if the newest usable producer snapshot is
older. (Kafka always begins with the whole segment: `LogLoader`, `LogSegment.recover`. It also
takes no notice when the end of one segment is lost at the boundary of a batch and the next segment
is there: then records are missing in the middle. In a compacted log, where offsets may be missing
for good reasons, we cannot tell either.)

Bit rot below the recovery point is not looked for, by Kafka either; the consumers' checksums find
it. The base offset and the leader epoch of a batch are under no checksum at all.

Recovery is an object that is pushed along, `step(max_bytes)` at a time, so that a broker with a
thousand logs can begin to serve those that are ready.
"""

from __future__ import annotations

import zlib
from itertools import pairwise

from broker.events import Now
from broker.log import names
from broker.log.checkpoints import read_epochs
from broker.log.config import LogConfig
from broker.log.disk import Buffer, Disk
from broker.log.epochs import NO_EPOCH, LeaderEpochs
from broker.log.index import RELATIVE_OFFSET_MAX
from broker.log.leftovers import clear_up
from broker.log.producer_state import ProducerState
from broker.log.segment import Segment
from broker.log.snapshots import Snapshots
from broker.wire.errors import ApiError, CorruptRecordError, StorageError
from broker.wire.records import BATCH_OVERHEAD, LOG_OVERHEAD, BatchHeader, check_batch, read_header

CHUNK_BYTES = 1 << 20
_UNLIMITED = 1 << 63
_LEGACY_CRC_AT, _MAGIC_AT = 12, 16


class Recovery:
    """The opening of one log. Push `step` until it says that it is done, then make a `Log`."""

    def __init__(
        self,
        disk: Disk,
        folder: str,
        config: LogConfig,
        now: Now,
        recovery_point: int = 0,
        clean: bool = False,
        log_start_offset: int = 0,
    ) -> None:
        self.disk = disk
        self.folder = folder
        self.config = config
        self.now = now
        self.recovery_point = recovery_point
        self.log_start_offset = log_start_offset
        self.log_end_offset = 0
        self.clean = clean
        self.done = False
        self.damage = ""
        """What was cut off, and why; empty if the log was whole."""
        self.bytes_scanned = 0
        self._queue: list[_Scan]
        self._scan: _Scan | None
        is_new = not disk.exists(folder)
        disk.make_folder(folder)
        if is_new:
            self._begin_empty()
        else:
            clear_up(disk, folder)
            self._begin()

    def _begin_empty(self) -> None:
        """The folder was made a moment ago: there is nothing to look at. Of thousands of new
        partitions most of the time would go into looking."""
        self.producers = ProducerState()
        self.snapshots = Snapshots(self.disk, self.folder, is_new=True)
        self.epochs = LeaderEpochs()
        self.segments = [
            Segment.create(
                self.disk, self.folder, self.log_start_offset, self.now.wall_ms, is_first=True
            )
        ]
        self.verify_from = _UNLIMITED
        self.last_epoch = NO_EPOCH
        self._queue = []
        self._scan = None

    def _begin(self) -> None:
        """Look at what is there, and find out what has to be read."""
        self.producers = ProducerState()
        self.snapshots = Snapshots(self.disk, self.folder)
        self.epochs = LeaderEpochs(read_epochs(self.disk, self.folder))
        self.segments = self._open_segments()
        self.verify_from = _UNLIMITED if self.clean else self.recovery_point
        if not self.clean:
            self.snapshots.remove_after(self.recovery_point)
        self.snapshots.load_latest(self.producers, self.segments[0].base_offset)
        self.last_epoch = NO_EPOCH
        """The leader epoch of the batch that was read last."""
        self._queue = self._segments_to_scan()
        self._scan = None

    # -- what is there --------------------------------------------------------------------------

    def _open_segments(self) -> list[Segment]:
        found = (names.offset_of(name, names.LOG) for name in self.disk.list(self.folder))
        offsets = sorted(offset for offset in found if offset is not None)
        if not offsets:
            return [self._new_segment(self.log_start_offset)]
        wall_ms = self.now.wall_ms
        segments = [Segment(self.disk, self.folder, offset, wall_ms) for offset in offsets]
        for segment, following in pairwise(segments):
            segment.next_offset = following.base_offset
        return segments

    def _new_segment(self, offset: int) -> Segment:
        return Segment.create(self.disk, self.folder, offset, self.now.wall_ms)

    def _segments_to_scan(self) -> list[_Scan]:
        """The last segments, from where trust ends, and any before them whose index is bad."""
        has_snapshot = bool(self.snapshots.offsets)
        replay_from = self.producers.end_offset
        if not has_snapshot and self.clean:
            # As Kafka does: a clean log without a snapshot is taken for one without producers.
            self.producers.clear(_UNLIMITED)
            replay_from = _UNLIMITED
        scan_from = min(self.verify_from, replay_from)
        scans = []
        for segment in self.segments:
            is_last = segment is self.segments[-1]
            sane = segment.indexes_are_sane()
            if is_last or segment.next_offset > scan_from or not sane:
                scan = _Scan(self, segment, scan_from if sane else segment.base_offset, is_last)
                scan.keeps_index = sane and not is_last and segment.next_offset <= self.verify_from
                scans.append(scan)
        return scans

    # -- being pushed along ---------------------------------------------------------------------

    def step(self, max_bytes: int = CHUNK_BYTES) -> bool:
        """Read on, for about `max_bytes`; True once the log is open."""
        before = self.bytes_scanned
        while not self.done and self.bytes_scanned - before < max_bytes:
            if self._scan is None:
                if not self._queue:
                    self._finish()
                    break
                self._scan = self._queue.pop(0)
                try:
                    self._scan.begin()
                except CorruptRecordError as error:
                    raise StorageError(error.message) from None
            damage = self._scan.step(max_bytes)
            if damage:
                self._cut(self._scan, damage)
            elif self._scan.done:
                self._scan = None
        return self.done

    def run(self) -> Recovery:
        """Push it to the end."""
        while not self.step():
            pass
        return self

    def segment_after(self, segment: Segment) -> Segment:
        """The segment that follows one that is not the last."""
        return self.segments[self.segments.index(segment) + 1]

    def _cut(self, scan: _Scan, damage: str) -> None:
        """End the log before a batch that is not whole."""
        segment = scan.segment
        if self.clean:
            # The marker is wrong: somebody touched the files. Look at everything since the
            # recovery point after all.
            self.clean = False
            self._begin()
            return
        if scan.next_offset < self.recovery_point and not scan.is_last:
            raise StorageError(f"{segment.path} at {scan.position}: {damage}, but it was flushed")
        self.damage = f"{segment.path} cut at {scan.position} of {scan.end} bytes: {damage}"
        self.disk.truncate(segment.path, scan.position)
        keep = self.segments.index(segment) + 1
        for later in self.segments[keep:]:
            later.delete()
        del self.segments[keep:]
        # What is cut off now must not come back beneath what will be written here next.
        self.disk.sync_now([segment.path, self.folder])
        self._queue.clear()
        self._scan = None

    def _finish(self) -> None:
        """Everything is read: agree on the offsets."""
        last = self.segments[-1]
        self.log_end_offset = last.next_offset
        if self.log_end_offset < self.log_start_offset:
            self._start_over()
        elif self.snapshots.latest > self.log_end_offset:
            # Marker and recovery point promise more than the disk has kept. What producers had
            # written there is not in the log: a retry of it is no duplicate.
            self.clean = False
            self.recovery_point = min(self.recovery_point, self.log_end_offset)
            self._begin()
            return
        self.recovery_point = (
            self.log_end_offset if self.clean else min(self.recovery_point, self.log_end_offset)
        )
        self.log_start_offset = max(self.log_start_offset, self.segments[0].base_offset)
        self.epochs.truncate_from_end(self.log_end_offset)
        self.epochs.truncate_from_start(self.log_start_offset)
        self.producers.end_offset = self.log_end_offset
        self.producers.expire(self.now.wall_ms, self.config.producer_id_expiration_ms)
        self.snapshots.remove_after(self.log_end_offset)
        self.snapshots.remove_strays({segment.base_offset for segment in self.segments})
        self.done = True

    def _start_over(self) -> None:
        """All of the log lies before where it should start: files were deleted by hand."""
        for segment in self.segments:
            segment.delete()
        self.segments = [self._new_segment(self.log_start_offset)]
        self.disk.sync_now([self.segments[0].path, self.folder])
        self.log_end_offset = self.log_start_offset
        self.epochs.clear()
        self.producers.clear(self.log_start_offset)
        self.snapshots.remove_after(-1)


class _Scan:
    """The reading of one segment."""

    def __init__(
        self, recovery: Recovery, segment: Segment, trusted_to: int, is_last: bool
    ) -> None:
        self.recovery = recovery
        self.segment = segment
        self.trusted_to = trusted_to
        self.is_last = is_last
        self.keeps_index = False
        """The segment is durable, index and all: it is only read for the producers' state."""
        self.jumped = False
        """The beginning of the index was believed, and only the rest is made anew."""
        self.position = 0
        self.next_offset = segment.base_offset
        self.end = segment.size
        self.done = False

    def begin(self) -> None:
        """Go to the last index entry that may be trusted."""
        segment = self.segment
        if self.keeps_index:
            self.position = segment.locate(self.trusted_to)
            return
        if self.trusted_to > segment.base_offset and self._jump():
            return
        segment.forget_indexes()
        segment.size = 0
        segment.next_offset = segment.base_offset
        recovery = self.recovery
        if recovery.producers.end_offset == segment.base_offset > recovery.segments[0].base_offset:
            recovery.snapshots.take(recovery.producers)

    def _jump(self) -> bool:
        """Begin at an index entry, if a batch stands where it says."""
        segment = self.segment
        position = segment.index.lookup(self.trusted_to - 1)
        try:
            header = read_header(self.recovery.disk.read(segment.path, position, BATCH_OVERHEAD))
        except ApiError:
            return False
        indexed = segment.index.keep_to(position)
        if header.base_offset < segment.base_offset or indexed not in (None, header.last_offset):
            return False
        segment.restart_at(position, header.base_offset, keep_times=self.recovery.clean)
        self.position = position
        self.next_offset = header.base_offset
        self.jumped = True
        return True

    def step(self, max_bytes: int) -> str:
        """Read a piece of the segment. What is wrong with it is returned, or nothing is."""
        if self.position >= self.end:
            return self._complete()
        disk, path = self.recovery.disk, self.segment.path
        length = min(max(max_bytes, BATCH_OVERHEAD), CHUNK_BYTES, self.end - self.position)
        chunk = memoryview(disk.read(path, self.position, length))
        size = _batch_size(chunk)
        if size > len(chunk) and self.position + size <= self.end:
            chunk = memoryview(disk.read(path, self.position, size))
        at = 0
        try:
            while len(chunk) - at >= BATCH_OVERHEAD or not at:
                header = read_header(chunk, at)
                if header.size > len(chunk) - at:
                    if at:
                        break
                    raise CorruptRecordError("the file ends inside a batch")
                self._take(header, chunk[at : at + header.size])
                at += header.size
        except ApiError as error:
            self._advance(at)
            self._refuse_old_format()
            return error.message
        self._advance(at)
        return self._complete() if self.position >= self.end else ""

    def _advance(self, size: int) -> None:
        self.position += size
        self.recovery.bytes_scanned += max(size, 1)

    def _take(self, header: BatchHeader, batch: memoryview) -> None:
        """Account for a batch, after a look at it if it may be damaged."""
        recovery, segment = self.recovery, self.segment
        if max(header.base_offset, header.last_offset) >= recovery.verify_from:
            check_batch(batch, header)
            if 0 <= header.leader_epoch < recovery.last_epoch:
                raise CorruptRecordError("a batch of an earlier epoch, cut off once, has come back")
        if (
            not self.next_offset <= header.base_offset <= header.last_offset
            or header.last_offset - segment.base_offset > RELATIVE_OFFSET_MAX
        ):
            raise CorruptRecordError(f"offset {header.base_offset} is out of place")
        recovery.last_epoch = header.leader_epoch
        if header.base_offset >= recovery.producers.end_offset:
            recovery.producers.replay(header, batch)
        if header.leader_epoch > recovery.epochs.latest:
            recovery.epochs.assign(header.leader_epoch, header.base_offset)
        if not self.keeps_index:
            segment.account(header.size, header.last_offset, header.max_timestamp, recovery.config)
        self.next_offset = header.next_offset

    def _complete(self) -> str:
        """The end of the file. The next one, if there is one, should go on where this one ends."""
        if not self.is_last:
            base_offset = self.recovery.segment_after(self.segment).base_offset
            gaps_are_usual = self.recovery.config.compact
            if self.next_offset != base_offset > self.recovery.verify_from and not gaps_are_usual:
                return f"offset {self.next_offset} is missing"
        if not self.keeps_index:
            self._write_index()
        if not self.is_last:
            self.segment.unload_indexes()
        self.done = True
        return ""

    def _write_index(self) -> None:
        """Files that were made anew below the recovery point have to be as durable as it says."""
        segment, recovery = self.segment, self.recovery
        below = self.end and not self.jumped and segment.base_offset < recovery.recovery_point
        if not self.is_last:
            segment.seal()
        elif below:
            segment.write_indexes()
        if below:
            recovery.disk.sync_now([segment.file(names.INDEX), segment.file(names.TIME_INDEX)])

    def _refuse_old_format(self) -> None:
        """A whole message of a format before 2017 is no damage, but nothing we can serve either."""
        disk, path = self.recovery.disk, self.segment.path
        size = _batch_size(disk.read(path, self.position, BATCH_OVERHEAD))
        if not _MAGIC_AT < size <= self.end - self.position:
            return
        message = disk.read(path, self.position, size)
        crc = int.from_bytes(message[_LEGACY_CRC_AT:_MAGIC_AT], "big")
        if message[_MAGIC_AT] <= 1 and zlib.crc32(message[_MAGIC_AT:]) == crc:
            raise StorageError(
                f"{path} holds records of format {message[_MAGIC_AT]}; "
                "let Apache Kafka 3 write them anew before this broker opens them"
            )


def _batch_size(data: Buffer) -> int:
    """The size that the first batch claims to have."""
    return int.from_bytes(data[8:LOG_OVERHEAD], "big", signed=True) + LOG_OVERHEAD
