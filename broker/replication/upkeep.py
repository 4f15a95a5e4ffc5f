"""What has to be done in the background, in slices, when its time has come.

Nothing here ticks. Each kind of work has a timer, and a timer is only set while there is something
to wait for: an idle broker with nothing to clean has no deadline at all. Work that could take long
(retention over all partitions, removing files) is cut into slices, and a due timer simply stays due
until the work is done, so that requests are served in between.

    retention     delete old segments (log.retention.check.interval.ms)
    checkpoint    write down high watermarks and recovery points
    flush         sync logs that flush.ms asks for
    removal       remove the files of deleted topics and segments (file.delete.delay.ms)
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from broker.events import Now
from broker.log.config import FOREVER, LogConfig
from broker.replication.partition import Partition, PartitionKey
from broker.wire.errors import StorageError

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

RETENTION, HIGH_WATERMARKS, CHECKPOINT = "retention", "high watermarks", "checkpoint"
PARTITIONS_A_SLICE = 50


class Upkeep:
    """The timers and the work behind them. All times are monotonic microseconds."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._timers: dict[str, int] = {}
        self._to_clean: deque[PartitionKey] = deque()
        self._flushes: dict[PartitionKey, int] = {}
        self._removals: list[tuple[int, str]] = []

    def deadline(self) -> int | None:
        """When there is something to do; a time in the past while work is going on."""
        times = list(self._timers.values())
        if self._to_clean:
            times.append(0)
        if self._flushes:
            times.append(min(self._flushes.values()))
        if self._removals:
            times.append(self._removals[0][0])
        return min(times, default=None)

    def run(self, now: Now) -> None:
        """Do one slice of everything that is due."""
        self._flush(now)
        self._remove(now)
        for name, at in list(self._timers.items()):
            if at <= now.mono_us:
                del self._timers[name]
                if name == RETENTION:
                    self._to_clean.extend(self._replicas.partitions)
                elif name == HIGH_WATERMARKS:
                    self._replicas.write_high_watermarks()
                else:
                    self._replicas.write_checkpoints()
        if self._to_clean:
            self._clean(now)

    # -- what happened ----------------------------------------------------------------------------

    def appended(self, partition: Partition, now: Now) -> None:
        """A partition has new data: sooner or later that means work."""
        if len(self._timers) < 3:
            self._arm_timers(now)
        flush_ms = partition.log.config.flush_ms
        if flush_ms != FOREVER:
            self._flushes.setdefault(partition.key, now.mono_us + flush_ms * 1000)

    def _arm_timers(self, now: Now) -> None:
        config = self._replicas.config
        for name, interval_ms in (
            (RETENTION, config.log_retention_check_interval_ms),
            (HIGH_WATERMARKS, config.replica_high_watermark_checkpoint_interval_ms),
            (CHECKPOINT, config.log_flush_offset_checkpoint_interval_ms),
        ):
            self._timers.setdefault(name, now.mono_us + interval_ms * 1000)

    def configured(self, partition: Partition, now: Now) -> None:
        """A log's settings changed, perhaps its retention."""
        self._arm_timers(now)

    def delete_later(self, folder: str, config: LogConfig, now: Now) -> None:
        """Remove a folder that was put away, after file.delete.delay.ms."""
        due = now.mono_us + config.file_delete_delay_ms * 1000
        heapq.heappush(self._removals, (due, folder))

    # -- the work ---------------------------------------------------------------------------------

    def _flush(self, now: Now) -> None:
        for key, due in list(self._flushes.items()):
            if due <= now.mono_us:
                del self._flushes[key]
                self._replicas.wants_sync[key] = None

    def _remove(self, now: Now) -> None:
        """Remove one file, or one folder once it is empty."""
        if not self._removals or self._removals[0][0] > now.mono_us:
            return
        disk, path = self._replicas.disk, self._removals[0][1]
        files = disk.list(path) if disk.is_folder(path) else []
        if files:
            disk.delete(f"{path}/{files[0]}")
            return
        heapq.heappop(self._removals)
        if disk.is_folder(path):
            disk.delete_folder(path)
        else:
            disk.delete(path)

    def _clean(self, now: Now) -> None:
        """Retention for a slice of the partitions."""
        for _ in range(min(PARTITIONS_A_SLICE, len(self._to_clean))):
            partition = self._replicas.partitions.get(self._to_clean.popleft())
            if partition is not None and not partition.offline:
                self._clean_log(partition, now)
        if not self._to_clean:
            self._schedule_retention(now)

    def _clean_log(self, partition: Partition, now: Now) -> None:
        log = partition.log
        try:
            deleted = log.delete_old_segments(now, partition.high_watermark)
        except StorageError as error:
            self._replicas.take_offline(partition, str(error))
            return
        due = now.mono_us + log.config.file_delete_delay_ms * 1000
        for path in deleted:
            heapq.heappush(self._removals, (due, path))
        if deleted:
            self._replicas.touched[partition.key] = None
            self._arm_timers(now)

    def _schedule_retention(self, now: Now) -> None:
        """Look again when the next segment can be too old, but never sooner than the interval."""
        expiries = [log.next_expiry_ms() for _, log in self._replicas.logs()]
        wall_ms = min((ms for ms in expiries if ms is not None), default=None)
        if wall_ms is None or RETENTION in self._timers:
            return
        wait_ms = max(
            wall_ms - now.wall_ms, self._replicas.config.log_retention_check_interval_ms
        )
        self._timers[RETENTION] = now.mono_us + wait_ms * 1000
