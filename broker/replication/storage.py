"""Where the logs of a broker lie: their folders, and what is written down about all of them.

A folder bears the name of its partition, and inside stands the id of its topic: by that id a start
tells the log of a topic from that of an earlier one which had the same name. Three files at the top
hold one offset of each log: up to where it is durable, its high watermark, where it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from broker.events import Entropy, Now
from broker.log import checkpoints, names
from broker.log.config import LogConfig
from broker.log.disk import Disk
from broker.log.recovery import Recovery
from broker.log.retention import mark_for_deletion
from broker.replication.partition import Partition, PartitionKey
from broker.replication.small_files import SmallFiles

_CHECKPOINTS = (
    checkpoints.RECOVERY_POINTS,
    checkpoints.LOG_STARTS,
    checkpoints.HIGH_WATERMARKS,
)

_LOG = logging.getLogger("broker.replication")


class Storage:
    """The folders of partitions, and the checkpoints of their offsets."""

    def __init__(self, disk: Disk, entropy: Entropy, *, clean: bool) -> None:
        self.disk = disk
        self.files = SmallFiles(disk)
        """Checkpoints and ids on their way to the disk."""
        self.recovery_points = checkpoints.read_offsets(disk, checkpoints.RECOVERY_POINTS)
        self.high_watermarks = checkpoints.read_offsets(disk, checkpoints.HIGH_WATERMARKS)
        self.log_starts = checkpoints.read_offsets(disk, checkpoints.LOG_STARTS)
        self._stale: dict[PartitionKey, None] = {}
        """Logs that are no more, and of which the files may still tell."""
        self.forgotten = False
        """Whether the files have to be written, for they tell of logs that are no more."""
        self._entropy = entropy
        self.clean = clean
        """Whether the life before was closed in order."""

    # -- folders ----------------------------------------------------------------------------------

    def has(self, key: PartitionKey) -> bool:
        """Whether something lies under a partition's name."""
        return self.disk.exists(names.folder_name(*key))

    def owner(self, key: PartitionKey) -> bytes | None:
        """The id of the topic whose files lie under a partition's name."""
        return checkpoints.read_partition_metadata(self.disk, names.folder_name(*key))

    def recovery(self, key: PartitionKey, config: LogConfig, now: Now) -> Recovery:
        """The opening of a log that is there, with what was written down about it."""
        return Recovery(
            self.disk,
            names.folder_name(*key),
            config,
            now,
            recovery_point=self.recovery_points.get(key, 0),
            clean=self.clean,
            log_start_offset=self.log_starts.get(key, 0),
        )

    def put_away(self, key: PartitionKey) -> str:
        """Mark a partition's folder for deletion; its new name."""
        self.forget(key)
        unknown = self.files.forget(names.folder_name(*key))
        gone = mark_for_deletion(self.disk, *key, self._entropy.uuid())
        if unknown:
            # Nothing durable says whose these records are: they must not come back under the name.
            self.disk.sync_now([""])
        return gone

    def put_aside(self, key: PartitionKey) -> None:
        """Files that belong to nobody: keep them, and free their name."""
        folder = names.folder_name(*key)
        aside = names.stray_name(*key, self._entropy.uuid())
        _LOG.warning("%s belongs to no topic and is kept as %s", folder, aside)
        self.disk.rename_folder(folder, aside)

    # -- offsets ----------------------------------------------------------------------------------

    def recorded_high_watermark(self, key: PartitionKey) -> int:
        """The high watermark of a partition when it was last written down."""
        return self.high_watermarks.get(key, 0)

    def forget(self, key: PartitionKey) -> None:
        """Of a log that is no more. A new one under its name is not as durable as that one was."""
        if key in self.recovery_points:
            self.forgotten = True
            self._stale[key] = None
        for offsets in (self.recovery_points, self.high_watermarks, self.log_starts):
            offsets.pop(key, None)

    def may_be_used_again(self, key: PartitionKey) -> bool:
        """Whether no file tells of an earlier log under this name, even if the power fails."""
        if key not in self._stale:
            return True
        if self.forgotten or not all(self.files.settled(path) for path in _CHECKPOINTS):
            return False
        self._stale.clear()
        return True

    def write_offsets(self, partitions: Iterable[Partition], *, now: bool = False) -> None:
        """Write down recovery points, high watermarks and log starts.

        What is not open, or has failed, keeps what was written down of it before. `now` waits until
        all is durable: then no log is called durable beyond where it was cut.
        """
        for partition in partitions:
            self.high_watermarks[partition.key] = partition.high_watermark
            if not partition.offline:
                self._note(partition)
        replace = self.files.replace_now if now else self.files.replace
        for path, offsets in zip(
            _CHECKPOINTS,
            (self.recovery_points, self.log_starts, self.high_watermarks),
            strict=True,
        ):
            replace(path, checkpoints.offsets_text(offsets))
        self.forgotten = False

    def write_recovery_points(self, partitions: Iterable[Partition]) -> None:
        """Something was cut off these logs: what they call durable is less when this returns."""
        for partition in partitions:
            if not partition.offline:
                self._note(partition)
        text = checkpoints.offsets_text(self.recovery_points)
        self.files.replace_now(checkpoints.RECOVERY_POINTS, text)

    def _note(self, partition: Partition) -> None:
        key, log = partition.key, partition.log
        self.recovery_points[key] = log.recovery_point
        self.log_starts.pop(key, None)
        if log.log_start_offset > log.segments.first.base_offset:
            self.log_starts[key] = log.log_start_offset

    def write_high_watermarks(self, partitions: Iterable[Partition]) -> None:
        """Write down every high watermark, so that a restart begins close to the truth."""
        for partition in partitions:
            self.high_watermarks[partition.key] = partition.high_watermark
        text = checkpoints.offsets_text(self.high_watermarks)
        self.files.replace(checkpoints.HIGH_WATERMARKS, text)
