"""What has to be done in the background, in slices, when its time has come.

Nothing here ticks. Each kind of work has a timer, and a timer is only set while there is something
to wait for: an idle broker with nothing to clean has no deadline at all. Work that could take long
(retention over all partitions, removing files) is cut into slices, and a due timer simply stays due
until the work is done, so that requests are served in between.

    retention     delete old segments (log.retention.check.interval.ms)
    checkpoint    write down high watermarks and recovery points
    flush         sync logs that flush.ms asks for
    removal       remove the files of deleted segments and topics (file.delete.delay.ms)
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from typing import TYPE_CHECKING

from broker.events import Now
from broker.log.config import FOREVER, LogConfig
from broker.log.log import Log
from broker.log.retention import FolderRemoval, age_mark
from broker.replication.partition import Partition, PartitionKey
from broker.wire.errors import StorageError

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

RETENTION, HIGH_WATERMARKS, CHECKPOINT = "retention", "high watermarks", "checkpoint"
PARTITIONS_A_SLICE = 50
FILES_A_SLICE = 16

_LOG = logging.getLogger("broker.upkeep")


class Upkeep:
    """The timers and the work behind them. All times are monotonic microseconds."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._timers: dict[str, int] = {}
        self._timers_are_set = False
        """Whether an append finds every timer set as it wants it."""
        self._to_clean: deque[PartitionKey] = deque()
        # Each of these is a heap: what is due first comes first, however many partitions there are.
        self._flushes: list[tuple[int, PartitionKey]] = []
        self._doomed: list[tuple[int, PartitionKey]] = []
        self._folders: list[tuple[int, str]] = []
        self._to_flush: dict[PartitionKey, None] = {}
        """Who stands in `_flushes`."""
        self._removing: FolderRemoval | None = None

    def deadline(self) -> int | None:
        """When there is something to do; a time in the past while work is going on."""
        if self._to_clean or self._removing is not None:
            return 0
        first = min(self._timers.values()) if self._timers else None
        for heap in (self._flushes, self._doomed, self._folders):
            if heap and (first is None or heap[0][0] < first):
                first = heap[0][0]
        return first

    def run(self, now: Now) -> None:
        """Do one slice of everything that is due."""
        self._flush(now)
        self._remove_segments(now)
        self._remove_folders(now)
        for name, at in list(self._timers.items()):
            if at <= now.mono_us:
                del self._timers[name]
                self._timers_are_set = False
                if name == RETENTION:
                    self._to_clean.extend(self._replicas.partitions)
                else:
                    self.checkpoint(name)
        if self._to_clean:
            self._clean(now)

    # -- what happened ----------------------------------------------------------------------------

    def appended(self, partition: Partition, now: Now) -> None:
        """A partition has new data: sooner or later that means work."""
        if not self._timers_are_set:
            self._set_timers(now)
        flush_ms = partition.log.config.flush_ms
        if flush_ms != FOREVER and partition.key not in self._to_flush:
            self._to_flush[partition.key] = None
            heapq.heappush(self._flushes, (now.mono_us + flush_ms * 1000, partition.key))

    def reconsider(self, now: Now) -> None:
        """Retention may have more to do than was thought: a log was opened, or its settings
        changed."""
        self._set_timer(RETENTION, self._replicas.config.log_retention_check_interval_ms, now)

    def _set_timers(self, now: Now) -> None:
        config = self._replicas.config
        self.reconsider(now)
        self._set_timer(HIGH_WATERMARKS, config.replica_high_watermark_checkpoint_interval_ms, now)
        self._set_timer(CHECKPOINT, config.log_flush_offset_checkpoint_interval_ms, now)
        self._timers_are_set = True

    def _set_timer(self, name: str, wait_ms: int, now: Now) -> None:
        """Let something happen after a time, unless it will even sooner."""
        at = now.mono_us + wait_ms * 1000
        self._timers[name] = min(at, self._timers.get(name, at))

    def delete_later(self, folder: str, config: LogConfig, now: Now) -> None:
        """Remove a folder that was put away, after file.delete.delay.ms."""
        due = now.mono_us + config.file_delete_delay_ms * 1000
        heapq.heappush(self._folders, (due, folder))

    # -- the work ---------------------------------------------------------------------------------

    def checkpoint(self, name: str) -> None:
        """Write down offsets, if the disk lets us."""
        try:
            if name == HIGH_WATERMARKS:
                self._replicas.write_high_watermarks()
            else:
                self._replicas.write_checkpoints()
        except StorageError as error:
            # The older one is still true: the next start reads a little more.
            _LOG.warning("a checkpoint could not be written: %s", error.message)

    def _flush(self, now: Now) -> None:
        for _ in range(PARTITIONS_A_SLICE):
            if not self._flushes or self._flushes[0][0] > now.mono_us:
                return
            _, key = heapq.heappop(self._flushes)
            del self._to_flush[key]
            self._replicas.wants_sync[key] = None

    def _remove_segments(self, now: Now) -> None:
        """Files of the partition that has waited longest; it waits again for those left over."""
        if not self._doomed or self._doomed[0][0] > now.mono_us:
            return
        _, key = heapq.heappop(self._doomed)
        partition = self._replicas.partitions.get(key)
        if partition is not None:
            doomed = partition.log.doomed
            doomed.remove(now.mono_us, FILES_A_SLICE)
            self._remove_later(partition)

    def _remove_later(self, partition: Partition) -> None:
        due_us = partition.log.doomed.next_due_us
        if due_us is not None:
            heapq.heappush(self._doomed, (due_us, partition.key))

    def _remove_folders(self, now: Now) -> None:
        try:
            if self._removing is None and self._folders and self._folders[0][0] <= now.mono_us:
                _, folder = heapq.heappop(self._folders)
                self._removing = FolderRemoval(self._replicas.disk, folder)
            if self._removing is not None and self._removing.step(FILES_A_SLICE):
                self._removing = None
        except StorageError as error:
            # What could not be removed now is found again by the next start.
            _LOG.warning("a deleted topic's files stay for now: %s", error.message)
            self._removing = None

    def _clean(self, now: Now) -> None:
        """Retention for a slice of the partitions, a shorter one where much is to be deleted."""
        deleted = 0
        for _ in range(min(PARTITIONS_A_SLICE, len(self._to_clean))):
            partition = self._replicas.partitions.get(self._to_clean.popleft())
            if partition is not None and not partition.offline:
                deleted += self._clean_log(partition, now)
            if deleted >= FILES_A_SLICE:
                return
        if not self._to_clean:
            self._schedule_retention(now)

    def _clean_log(self, partition: Partition, now: Now) -> int:
        """Delete what is too old or too much of one log; how many segments that was."""
        log = partition.log
        try:
            log.expire_producers(now)
            deleted = log.delete_old_segments(now, partition.high_watermark)
        except StorageError as error:
            self._replicas.take_offline(partition, error.message)
            return 0
        if deleted:
            self._remove_later(partition)
            self._replicas.log_start_moved(partition)
            self._to_clean.append(partition.key)
        return deleted

    def _schedule_retention(self, now: Now) -> None:
        """Look again when the next segment can be too old, but never sooner than the interval."""
        expiries = [_expiry_ms(log) for _, log in self._replicas.logs()]
        wall_ms = min((ms for ms in expiries if ms is not None), default=None)
        if wall_ms is None or RETENTION in self._timers:
            return
        interval_ms = self._replicas.config.log_retention_check_interval_ms
        self._set_timer(RETENTION, max(wall_ms - now.wall_ms, interval_ms), now)
        self._timers_are_set = False


def _expiry_ms(log: Log) -> int | None:
    """The wall time at which retention.ms may delete the oldest segment; None: never."""
    config = log.config
    if not config.delete or config.retention_ms < 0 or not log.size_bytes:
        return None
    return age_mark(log.segments.first) + config.retention_ms + 1
