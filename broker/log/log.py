"""One partition's log: append at the end, read from anywhere, forget from the front.

    log start offset                                              log end offset
          |                                                             |
          v                                                             v
    [ segment 0 ][ segment 368 ][ segment 702 .........................  )
                                       ^ recovery point: durable up to here

A batch is stored as it came. The leader gives it its offsets by writing two fields of its header,
and the followers copy it to the byte. What a log holds more than bytes (where things are, who has
written, whose term it was) can always be made again from the bytes; see `recovery`.

The log tells no time and syncs nothing itself. It knows what is not yet durable (`paths_to_sync`)
and when it should become so (`flush_due`); its owner lets the host sync those files, and reports
back with `mark_flushed`. By Kafka's defaults that happens when a segment is full and when the
broker stops, no sooner: against the loss of power, records are protected by being on several
brokers, not by being on the platter of one.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.events import Now
from broker.log.config import LogConfig
from broker.log.disk import Buffer, Disk
from broker.log.durability import Durability
from broker.log.lookup import TimestampOffset, latest_record, record_at_time
from broker.log.producer_state import Origin
from broker.log.recovery import Recovery
from broker.log.retention import DoomedFiles, expired
from broker.log.segment import Segment
from broker.log.segments import Segments
from broker.log.validation import Validator
from broker.wire.errors import ApiError, ErrorCode, invariant
from broker.wire.records import (
    LOG_APPEND_TIME_BIT,
    NO_PRODUCER_ID,
    NO_TIMESTAMP,
    BatchHeader,
    check_batch,
    iter_batches,
    patch,
)

SEGMENTS_DELETED_AT_ONCE = 64


class Appended(NamedTuple):
    """Where a batch went."""

    base_offset: int
    last_offset: int
    append_time_ms: int
    """The broker's time that it was stamped with, -1 if it kept its own."""
    log_start_offset: int
    duplicate: bool
    """It was in the log already; these are the offsets that it got then."""


class Log:
    """One partition on one disk (Kafka's UnifiedLog). Opened by `Recovery`, or all at once by
    `Log.open`."""

    def __init__(self, recovered: Recovery) -> None:
        invariant(recovered.done, "a log is recovered before it is used")
        self.disk: Disk = recovered.disk
        self.folder = recovered.folder
        self.config = recovered.config
        """The topic's settings; set it when they change."""
        self._validator = Validator(self.config)
        self.log_start_offset = recovered.log_start_offset
        self.log_end_offset = recovered.log_end_offset
        self.segments = Segments(recovered.segments)
        self.producers = recovered.producers
        self.snapshots = recovered.snapshots
        self.epochs = recovered.epochs
        self.durability = Durability(self.segments, recovered)
        self.doomed = DoomedFiles(self.disk)

    @classmethod
    def open(
        cls,
        disk: Disk,
        folder: str,
        config: LogConfig,
        now: Now,
        recovery_point: int = 0,
        clean: bool = False,
        log_start_offset: int = 0,
    ) -> Log:
        """Open a log, or create it, and recover it as far as needed without a pause."""
        recovery = Recovery(disk, folder, config, now, recovery_point, clean, log_start_offset)
        return cls(recovery.run())

    @property
    def size_bytes(self) -> int:
        """The size of all segments together."""
        return self.segments.size

    # -- append ---------------------------------------------------------------------------------

    def append(
        self,
        batch: bytearray | memoryview,
        leader_epoch: int,
        now: Now,
        origin: Origin = Origin.CLIENT,
    ) -> Appended:
        """Append one batch as the leader: it gets the next offsets, in place.

        A batch that an idempotent producer has sent before is not written again, and answered with
        the offsets it got then. Whatever may not be written raises ApiError, and nothing changes.
        """
        config, now_ms = self.config, now.wall_us // 1000
        if self._validator.config is not config:
            self._validator = Validator(config)
        batch, header = self._validator.accept(batch, now_ms, origin)
        if header.producer_id != NO_PRODUCER_ID:
            repeated = self.producers.check(header, origin)
            if repeated is not None:
                first, last = repeated.first_offset, repeated.last_offset
                return Appended(first, last, repeated.timestamp, self.log_start_offset, True)
        base_offset = self.log_end_offset
        last_offset = base_offset + header.last_offset_delta
        timestamp = header.max_timestamp
        segment = self.segments.active
        if segment.must_roll(len(batch), last_offset, timestamp, now_ms, config):
            segment = self.roll(now)
        patch(batch, base_offset, leader_epoch)
        segment.append(batch, last_offset, timestamp, config)
        if header.producer_id != NO_PRODUCER_ID:
            self.producers.update(header, base_offset, batch)
        self._appended(leader_epoch, base_offset, last_offset + 1, len(batch), now)
        append_time_ms = timestamp if header.attributes & LOG_APPEND_TIME_BIT else NO_TIMESTAMP
        return Appended(base_offset, last_offset, append_time_ms, self.log_start_offset, False)

    def append_as_follower(
        self, batches: Buffer, now: Now, leader_epoch: int | None = None
    ) -> Appended | None:
        """Append what a leader sent, as it is: its offsets, its epochs. None if nothing was new.

        A batch that the end of the answer cuts off is left for the next one; one of a later epoch
        than that in which it was fetched is, too (KAFKA-18723).
        """
        first = last = -1
        for header, batch in iter_batches(batches):
            if leader_epoch is not None and header.leader_epoch > leader_epoch:
                break
            check_batch(batch, header)
            if header.base_offset < self.log_end_offset:
                raise ApiError(
                    ErrorCode.UNKNOWN_SERVER_ERROR,
                    f"{self.folder}: offset {header.base_offset} was sent where "
                    f"{self.log_end_offset} comes next",
                )
            self._append_placed(header, batch, now)
            if first < 0:
                first = header.base_offset
            last = header.last_offset
        if first < 0:
            return None
        return Appended(first, last, NO_TIMESTAMP, self.log_start_offset, False)

    def _append_placed(self, header: BatchHeader, batch: memoryview, now: Now) -> None:
        """Append a batch that has its offsets."""
        last_offset, timestamp = header.last_offset, header.max_timestamp
        segment = self.segments.active
        if segment.must_roll(len(batch), last_offset, timestamp, now.wall_ms, self.config):
            segment = self.roll(now, header.base_offset)
        segment.append(batch, last_offset, timestamp, self.config)
        self.producers.replay(header, batch)
        epoch = header.leader_epoch
        self._appended(epoch, header.base_offset, last_offset + 1, len(batch), now)

    def _appended(
        self, epoch: int, base_offset: int, log_end_offset: int, size: int, now: Now
    ) -> None:
        if epoch != self.epochs.latest:
            self.epochs.assign(epoch, base_offset)
        self.log_end_offset = self.producers.end_offset = log_end_offset
        self.durability.appended(size, now)

    def roll(self, now: Now, base_offset: int | None = None) -> Segment:
        """Seal the active segment and go on in a new one; an empty one just stays."""
        base_offset = self.log_end_offset if base_offset is None else base_offset
        active = self.segments.active
        if not active.size and active.base_offset == base_offset:
            return active
        active.seal()
        segment = Segment.create(self.disk, self.folder, base_offset, now.wall_ms)
        self.segments.add(segment)
        self.producers.end_offset = base_offset
        self.durability.take_snapshot()
        return segment

    # -- read -----------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, end_offset: int, min_one: bool = True) -> bytes:
        """Whole batches from the one that holds `offset`, as they are stored, up to `end_offset`.

        An offset in the middle of a batch gets all of that batch; clients skip what they did not
        ask for. With `min_one` the first batch comes even if it is larger than `max_bytes`.

        Checksums are not looked at: bit rot is found by whoever unpacks the batch (as in Kafka).
        """
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise ApiError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.folder}: offset {offset} is not within "
                f"[{self.log_start_offset}, {self.log_end_offset}]",
            )
        if offset >= end_offset:
            return b""
        segment: Segment | None = self.segments.at(offset)
        while segment is not None:
            data = segment.read(offset, max_bytes, end_offset, min_one)
            if data is not None:
                return data
            segment = self.segments.after(segment)
        return b""

    def offset_for_time(self, timestamp_ms: int, end_offset: int) -> TimestampOffset | None:
        """The first record before `end_offset` that is not older than a moment, None if all are."""
        found = record_at_time(self.segments, timestamp_ms, self.log_start_offset)
        return found if found is not None and found.offset < end_offset else None

    def max_timestamp_offset(self) -> TimestampOffset | None:
        """The record with the largest timestamp, the first if there are several (KIP-734)."""
        return latest_record(self.segments)

    # -- leader epochs --------------------------------------------------------------------------

    @property
    def last_epoch(self) -> int:
        """The epoch of the latest leader that this log has heard of, -1 before the first."""
        return self.epochs.latest

    def assign_epoch(self, leader_epoch: int) -> None:
        """A new leader's term begins at the log's end (noted on election: KAFKA-7415)."""
        self.epochs.assign(leader_epoch, self.log_end_offset)

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """The largest epoch up to this one, and where it ended; (-1, -1) if that is unknown."""
        return self.epochs.end_offset_for(epoch, self.log_end_offset)

    # -- durability -----------------------------------------------------------------------------

    @property
    def recovery_point(self) -> int:
        """Everything before this offset is durable."""
        return self.durability.recovery_point

    @property
    def unflushed_records(self) -> int:
        """How many offsets are not known to be durable."""
        return self.log_end_offset - self.durability.recovery_point

    def flush_due_us(self) -> int | None:
        """The monotonic time at which `flush.ms` asks for a sync, None if nothing does."""
        return self.durability.due_us(self.config)

    def flush_due(self, now: Now) -> bool:
        """Whether to sync now: for `flush.messages`, `flush.ms`, or since a segment is full."""
        return self.durability.is_due(self.log_end_offset, self.config, now)

    def paths_to_sync(self) -> list[str]:
        """What to sync so that the log is durable up to its present end.

        Note `log_end_offset` with it, and give it to `mark_flushed` once the sync was done. Several
        may be under way, if they end in the order in which they began.
        """
        return self.durability.begin(self.log_end_offset)

    def mark_flushed(self, offset: int) -> int:
        """A sync was done that began when the log ended at `offset`. Returns the recovery point."""
        return self.durability.done(offset, self.log_end_offset)

    def prepare_close(self) -> list[str]:
        """Write down everything, and say what to sync: the next opening may be a clean one.

        A broker that stops gathers the paths of all its logs and syncs them together.
        """
        if self.durability.nothing_to_do(self.log_end_offset):
            return []
        self.segments.active.seal()
        self.durability.take_snapshot()
        return self.paths_to_sync()

    def close(self) -> None:
        """The same, synced at once."""
        self.disk.sync_now(self.prepare_close())
        self.closed()

    def closed(self) -> None:
        """What `prepare_close` asked to sync is durable."""
        self.durability.all_done(self.log_end_offset)

    # -- cutting --------------------------------------------------------------------------------

    def truncate_to(self, offset: int) -> bool:
        """Remove the records from an offset on; False if there are none.

        A cut is rare, and made durable at once: what was cut off must not come back beneath what
        is written next. The owner then writes its checkpoint of recovery points, for the same
        reason: it must not call durable what is to be written there anew.
        """
        if offset >= self.log_end_offset:
            self.epochs.truncate_from_end(self.log_end_offset)
            return False
        if offset < self.segments.first.base_offset:
            self.truncate_fully_and_start_at(offset)
            return True
        for segment in self.segments.drop_after(offset):
            self._doom(segment, 0)
        self.segments.active.truncate_to(offset)
        self.disk.sync_now([self.segments.active.path, self.folder])
        self._ends_at(offset)
        self.epochs.truncate_from_end(offset)
        self.log_start_offset = min(self.log_start_offset, offset)
        self.snapshots.rebuild(self.producers, self.segments, self.log_start_offset, offset)
        return True

    def truncate_fully_and_start_at(self, offset: int) -> None:
        """Remove everything and begin anew at an offset, as a follower that fell too far behind."""
        created_ms = self.segments.active.created_ms
        for segment in self.segments.replace_all(self.segments.active):
            self._doom(segment, 0)
        self.segments.replace_all(Segment.create(self.disk, self.folder, offset, created_ms))
        self.disk.sync_now([self.segments.active.path, self.folder])
        self._ends_at(offset)
        self.epochs.clear()
        self.log_start_offset = offset
        self.snapshots.remove_after(-1)
        self.producers.clear(offset)

    def _ends_at(self, offset: int) -> None:
        self.log_end_offset = offset
        self.durability.cut(offset)

    # -- forgetting -----------------------------------------------------------------------------

    def advance_log_start(self, offset: int, high_watermark: int) -> bool:
        """Records before an offset are no longer to be read (DeleteRecords, KIP-107)."""
        if offset > high_watermark:
            raise ApiError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.folder}: offset {offset} lies beyond the high watermark {high_watermark}",
            )
        if offset <= self.log_start_offset:
            return False
        self.log_start_offset = offset
        self.epochs.truncate_from_start(offset)
        return True

    def delete_old_segments(self, now: Now, high_watermark: int) -> int:
        """Take segments out of the log that are too old, too many, or before the log start.

        At most `SEGMENTS_DELETED_AT_ONCE`; call again as long as something was done.
        """
        segments = list(self.segments)
        count = expired(segments, self.config, now.wall_ms, self.log_start_offset, high_watermark)
        count = min(count, SEGMENTS_DELETED_AT_ONCE)
        if not count:
            return 0
        if count == len(segments):
            self.roll(now)
        due_us = now.mono_us + self.config.file_delete_delay_ms * 1000
        for segment in self.segments.drop_first(count):
            self._doom(segment, due_us)
        start = max(self.log_start_offset, self.segments.first.base_offset)
        self.log_start_offset = start
        self.durability.starts_at(self.segments.first.base_offset)
        self.epochs.truncate_from_start(start)
        return count

    def _doom(self, segment: Segment, due_us: int) -> None:
        self.doomed.doom_segment(segment, due_us)
        if segment.base_offset in self.snapshots.offsets[:-1]:
            self.snapshots.remove(segment.base_offset)

    def expire_producers(self, now: Now) -> int:
        """Forget producers that were silent for `producer.id.expiration.ms`."""
        return self.producers.expire(now.wall_ms, self.config.producer_id_expiration_ms)

    def moved_to(self, folder: str) -> None:
        """The folder was renamed: the log goes on there."""
        self.doomed.move(self.folder, folder)
        self.folder = self.snapshots.folder = folder
        for segment in self.segments:
            segment.move_to(folder)
