"""All partitions of one broker (Kafka's `ReplicaManager` and the better half of its `LogManager`).

The metadata say which replicas this broker holds; `apply` makes it so: it creates logs, opens those
that are on disk already, hands out roles and puts deleted ones away. A log that was not closed in
order is recovered in slices (`load`); until that is done its partition is there for nobody.

What happened is left as plain data for whoever comes next: `progress` (partitions with newly
committed bytes, or a new role: someone may be waiting), `wants_sync` (logs that the disk is behind
with) and `touched` (for the trace).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from broker.events import Entropy, Now
from broker.log import checkpoints, names
from broker.log.config import LogConfig
from broker.log.disk import Disk
from broker.log.log import Appended, Log
from broker.log.recovery import Recovery
from broker.log.retention import mark_for_deletion
from broker.metadata.configs import BrokerConfig, log_config
from broker.metadata.image import CONFIG_BROKER, CONFIG_TOPIC, ClusterImage, Delta, TopicImage
from broker.quorum.quorum import METADATA_TOPIC
from broker.replication.partition import Partition, PartitionKey
from broker.replication.upkeep import CHECKPOINT, Upkeep
from broker.wire.errors import ApiError, ErrorCode, InvariantError, StorageError

_LOG = logging.getLogger("broker.replication")


class Replicas:
    """The partitions of this broker, and the files they live in."""

    def __init__(self, disk: Disk, config: BrokerConfig, entropy: Entropy, *, clean: bool) -> None:
        self.disk = disk
        self.config = config
        self.entropy = entropy
        self.image = ClusterImage()
        self.partitions: dict[PartitionKey, Partition] = {}
        self.loading: dict[PartitionKey, Recovery] = {}
        self.progress: dict[PartitionKey, int] = {}
        self.wants_sync: dict[PartitionKey, None] = {}
        self.touched: dict[PartitionKey, None] = {}
        self.unreadable: dict[PartitionKey, str] = {}
        """Partitions whose files could not be opened, and why."""
        self.upkeep = Upkeep(self)
        self._clean = clean
        self._recovery_points = checkpoints.read_offsets(disk, checkpoints.RECOVERY_POINTS)
        self._high_watermarks = checkpoints.read_offsets(disk, checkpoints.HIGH_WATERMARKS)
        self._log_starts = checkpoints.read_offsets(disk, checkpoints.LOG_STARTS)
        self._forgotten = False
        """Whether the files tell of logs that are no more."""

    # -- serving ----------------------------------------------------------------------------------

    def find(self, topic: str, index: int) -> Partition:
        """The partition, or an ApiError that says why it cannot be served here."""
        partition = self.partitions.get((topic, index))
        if partition is not None:
            return partition
        if (topic, index) in self.unreadable:
            raise StorageError(f"{topic}-{index} is offline: {self.unreadable[topic, index]}")
        if self.image.partition(topic, index) is not None:
            raise ApiError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def append(self, partition: Partition, batch: bytearray | memoryview, now: Now) -> Appended:
        """Append a batch as the leader, and note whom it concerns."""
        partition.check_leader()
        key = partition.key
        try:
            appended = partition.append(batch, now)
            if appended.duplicate:
                return appended
            partition.uncommitted_bytes += len(batch)
            self.advance(partition)
        except InvariantError as error:
            self.take_offline(partition, str(error))
            raise ApiError(ErrorCode.KAFKA_STORAGE_ERROR) from error
        if partition.log.flush_due(now):
            self.wants_sync[key] = None
        self.touched[key] = None
        self.upkeep.appended(partition, now)
        return appended

    def advance(self, partition: Partition) -> None:
        """Move the high watermark as far as the rules allow, and note what became readable."""
        if partition.advance_high_watermark():
            key = partition.key
            self.progress[key] = self.progress.get(key, 0) + partition.uncommitted_bytes
            partition.uncommitted_bytes = 0
            self.touched[key] = None

    def synced(self, partition: Partition, offset: int, now: Now) -> None:
        """A log is durable up to an offset."""
        if not self._holds(partition):
            return
        partition.log.mark_flushed(offset)
        self.advance(partition)
        # Whoever waited for durability alone (acks=1 with flush.messages) must hear of it too.
        self.progress.setdefault(partition.key, 0)
        if partition.log.flush_due(now):
            self.wants_sync[partition.key] = None

    def _holds(self, partition: Partition) -> bool:
        """Whether it is still here; another topic may have come under its name."""
        return self.partitions.get(partition.key) is partition

    def take_offline(self, partition: Partition, why: str) -> None:
        """Serve this partition no more: going on could harm what is stored."""
        if self._holds(partition) and not partition.offline:
            partition.offline = why
            _LOG.error("%s is offline until the broker restarts: %s", partition.name, why)
            self.progress.setdefault(partition.key, 0)
            self.touched[partition.key] = None

    def drain_progress(self) -> dict[PartitionKey, int]:
        """Partitions where something happened since the last call, with newly committed bytes."""
        progress, self.progress = self.progress, {}
        return progress

    # -- following the metadata -------------------------------------------------------------------

    def apply(self, image: ClusterImage, delta: Delta, now: Now) -> None:
        """Make this broker's partitions what the metadata say."""
        self.image = image
        for topic in delta.deleted.values():
            self._remove(topic, now)
        for name in delta.topics:
            if name in image.topics:
                self._apply_topic(image.topics[name], now)
        for kind, name in delta.configs:
            self._apply_configs(kind, name, now)
        self._write_what_was_forgotten()

    def _apply_topic(self, topic: TopicImage, now: Now) -> None:
        config = self._log_config(topic.name)
        for state in topic.partitions:
            key = (topic.name, state.index)
            if self.config.node_id not in state.replicas:
                continue
            partition = self.partitions.get(key)
            if partition is not None:
                self._give_role(partition)
            elif key not in self.loading and key not in self.unreadable:
                try:
                    self._open(topic, state.index, config, now)
                except StorageError as error:
                    self._cannot_read(key, error)

    def _open(self, topic: TopicImage, index: int, config: LogConfig, now: Now) -> None:
        key = (topic.name, index)
        folder = names.folder_name(topic.name, index)
        if self.disk.exists(folder):
            if self._owner(key) in (None, topic.topic_id):
                self.loading[key] = Recovery(
                    self.disk,
                    folder,
                    config,
                    now,
                    recovery_point=self._recovery_points.get(key, 0),
                    clean=self._clean,
                    log_start_offset=self._log_starts.get(key, 0),
                )
                return
            self._put_aside(topic.name, index)
        self._forget_offsets(key)
        log = Log.open(self.disk, folder, config, now)
        self._add(topic, index, log, now)

    def _cannot_read(self, key: PartitionKey, error: StorageError) -> None:
        _LOG.error("%s-%d cannot be opened: %s", *key, error.message)
        self.unreadable[key] = error.message

    def _add(self, topic: TopicImage, index: int, log: Log, now: Now) -> None:
        partition = Partition(topic.name, topic.topic_id, index, log, self.config.node_id)
        recorded = self._high_watermarks.get(partition.key, 0)
        partition.high_watermark = min(max(recorded, log.log_start_offset), log.log_end_offset)
        self.partitions[partition.key] = partition
        if log.flush_due(now):
            # What a recovery found was perhaps never synced: first that, then it is vouched for.
            self.wants_sync[partition.key] = None
        if log.size_bytes:
            self.upkeep.reconsider(now)
        self._give_role(partition)

    def _give_role(self, partition: Partition) -> None:
        state = self.image.partition(partition.topic, partition.index)
        if state is not None:
            partition.become(state)
            self.advance(partition)
            self.progress.setdefault(partition.key, 0)
            self.touched[partition.key] = None

    def _remove(self, topic: TopicImage, now: Now) -> None:
        """A topic was deleted: forget its partitions, and put their folders away.

        A start hears of every deletion there ever was. By then a newer topic may bear the name, so
        for what is not open the id in the folder says whose it is.
        """
        for state in topic.partitions:
            key = (topic.name, state.index)
            partition = self.partitions.get(key)
            if partition is not None and partition.topic_id != topic.topic_id:
                continue
            self.partitions.pop(key, None)
            self.loading.pop(key, None)
            self.unreadable.pop(key, None)
            self.wants_sync.pop(key, None)
            self.progress.setdefault(key, 0)
            self.touched[key] = None
            try:
                if partition is not None or self._owner(key) == topic.topic_id:
                    self._put_away(key, now)
            except StorageError as error:
                # The next start tries again.
                _LOG.warning("the files of %s-%d stay for now: %s", *key, error.message)

    def _owner(self, key: PartitionKey) -> bytes | None:
        """The id of the topic whose files lie under a partition's name."""
        return checkpoints.read_partition_metadata(self.disk, names.folder_name(*key))

    def _put_away(self, key: PartitionKey, now: Now) -> None:
        self._forget_offsets(key)
        gone = mark_for_deletion(self.disk, *key, self.entropy.uuid())
        self.upkeep.delete_later(gone, self._log_config(key[0]), now)

    def _put_aside(self, topic: str, index: int) -> None:
        """Files that belong to nobody: keep them, and free their name."""
        folder = names.folder_name(topic, index)
        aside = names.stray_name(topic, index, self.entropy.uuid())
        _LOG.warning("%s belongs to no topic and is kept as %s", folder, aside)
        self.disk.rename_folder(folder, aside)

    def _apply_configs(self, kind: int, name: str, now: Now) -> None:
        if kind == CONFIG_TOPIC:
            topics = [name] if name in self.image.topics else []
        elif kind == CONFIG_BROKER:
            topics = list(self.image.topics)
        else:
            return
        for topic in topics:
            config = self._log_config(topic)
            for state in self.image.topics[topic].partitions:
                partition = self.partitions.get((topic, state.index))
                if partition is not None and partition.log.config != config:
                    partition.log.config = config
                    self.upkeep.reconsider(now)

    def _log_config(self, topic: str) -> LogConfig:
        return log_config(self.config, self.image.config(CONFIG_TOPIC, topic))

    # -- opening and closing ----------------------------------------------------------------------

    def sweep_folders(self, now: Now) -> None:
        """Once, when the image is known: finish old deletions, put aside what belongs to nobody."""
        for folder in self.disk.list(""):
            parsed = names.parse_folder(folder)
            if parsed is None or not self.disk.is_folder(folder):
                continue
            if parsed.state == "delete":
                self.upkeep.delete_later(folder, LogConfig(file_delete_delay_ms=0), now)
            elif not parsed.state and self._is_stray(parsed.topic, parsed.partition):
                self._put_aside(parsed.topic, parsed.partition)
        for key in [key for key in self._recovery_points if not self._is_known(key)]:
            self._forget_offsets(key)
        self._write_what_was_forgotten()

    def _is_stray(self, topic: str, index: int) -> bool:
        return topic != METADATA_TOPIC and not self._is_known((topic, index))

    def load(self, max_bytes: int, now: Now) -> None:
        """Recover a slice: at most about `max_bytes` of one log."""
        for key, recovery in self.loading.items():
            try:
                if not recovery.step(max_bytes):
                    return
                self._add(self.image.topics[key[0]], key[1], Log(recovery), now)
            except StorageError as error:
                self._cannot_read(key, error)
            del self.loading[key]
            return

    def logs(self) -> Iterator[tuple[PartitionKey, Log]]:
        """All logs that are in use and sound."""
        for key, partition in self.partitions.items():
            if not partition.offline:
                yield key, partition.log

    @property
    def are_open(self) -> bool:
        """Whether every log is recovered, and vouches for all that it did before (KIP-207)."""
        return not self.loading and not any(
            partition.own_end_offset < partition.log.log_end_offset and not partition.offline
            for partition in self.partitions.values()
        )

    @property
    def all_sound(self) -> bool:
        """Whether every partition is open, and none has failed."""
        failed = any(partition.offline for partition in self.partitions.values())
        return not (self.loading or self.unreadable or failed)

    def closed(self) -> None:
        """Every log is closed and synced: write down where each of them ends."""
        for partition in self.partitions.values():
            if not partition.offline:
                partition.log.closed()
                self.advance(partition)
        self.write_checkpoints()

    def write_checkpoints(self) -> None:
        """Write down recovery points, high watermarks and log starts of all partitions.

        What is not open, or has failed, keeps what was written down of it before.
        """
        for key, log in self.logs():
            self._recovery_points[key] = log.recovery_point
            self._log_starts.pop(key, None)
            if log.log_start_offset > log.segments.first.base_offset:
                self._log_starts[key] = log.log_start_offset
        self.write_high_watermarks()
        checkpoints.write_offsets(self.disk, checkpoints.RECOVERY_POINTS, self._recovery_points)
        checkpoints.write_offsets(self.disk, checkpoints.LOG_STARTS, self._log_starts)

    def write_high_watermarks(self) -> None:
        """Write down every high watermark, so that a restart begins close to the truth."""
        for key, partition in self.partitions.items():
            self._high_watermarks[key] = partition.high_watermark
        checkpoints.write_offsets(self.disk, checkpoints.HIGH_WATERMARKS, self._high_watermarks)

    def _is_known(self, key: PartitionKey) -> bool:
        return self.image.partition(*key) is not None

    def _forget_offsets(self, key: PartitionKey) -> None:
        """Of a log that is no more. A new one under its name is not as durable as that one was."""
        self._forgotten |= key in self._recovery_points
        for offsets in (self._recovery_points, self._high_watermarks, self._log_starts):
            offsets.pop(key, None)

    def _write_what_was_forgotten(self) -> None:
        if self._forgotten:
            self._forgotten = False
            self.upkeep.checkpoint(CHECKPOINT)
