"""Which partitions this broker holds: what is here is made what the newest metadata say.

A delta only says where to look. For each partition that it names, what is here is compared with the
newest image, and one of a few things follows: open it, create it, give it a role, put it away. So
it does not matter how many changes came together, and the order does not matter either. A slice of
the work is done at once and the rest between requests; who asks for one of those partitions in the
meantime has it done first.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from broker.events import Now
from broker.log import names
from broker.log.config import LogConfig
from broker.log.log import Log
from broker.log.recovery import Recovery
from broker.metadata.configs import log_config
from broker.metadata.image import CONFIG_BROKER, CONFIG_TOPIC, ClusterImage, Delta, TopicImage
from broker.quorum.quorum import METADATA_TOPIC
from broker.replication.partition import Partition, PartitionKey
from broker.replication.upkeep import CHECKPOINT
from broker.wire.errors import StorageError

if TYPE_CHECKING:
    from broker.replication.replicas import Replicas

_LOG = logging.getLogger("broker.replication")

EFFORT_A_SLICE = 96
"""How much of a change of the metadata is carried out between two looks at the requests..."""
FILES_EFFORT = 8
"""...where a new role counts one, and creating or moving files this much."""
LOGS_A_SLICE = 8
"""How many logs a start opens between two looks, if they are short."""


class Assignment:
    """What the metadata want this broker to hold, and how far that is so."""

    def __init__(self, replicas: Replicas) -> None:
        self.loading: dict[PartitionKey, Recovery] = {}
        self.unreadable: dict[PartitionKey, str] = {}
        """Partitions whose files could not be opened, and why."""
        self.changed: dict[PartitionKey, tuple[bytes, ...]] = {}
        """What the metadata may have changed and was not looked at yet; with it the ids of topics
        that are no more, whose files may lie there."""
        self._held_back: dict[PartitionKey, None] = {}
        """New partitions under old names: first the disk has to forget the old ones."""
        self._replicas = replicas
        self._storage = replicas.storage

    @property
    def _image(self) -> ClusterImage:
        return self._replicas.image

    def apply(self, image: ClusterImage, delta: Delta, now: Now) -> None:
        """The metadata are new: make this broker's partitions what they say."""
        for topic in delta.deleted.values():
            for state in topic.partitions:
                key = (topic.name, state.index)
                self.changed[key] = (*self.changed.get(key, ()), topic.topic_id)
        for name in delta.topics:
            if name in image.topics:
                self._compare(image.topics[name])
        for kind, name in delta.configs:
            self._apply_configs(kind, name, now)
        self.settle_some(now)

    def _compare(self, topic: TopicImage) -> None:
        """Note those partitions of a topic that differ from what is here."""
        name, own_id = topic.name, self._replicas.config.node_id
        for state in topic.partitions:
            key = (name, state.index)
            partition = self._replicas.partitions.get(key)
            here = partition is not None or key in self.loading
            if (own_id in state.replicas or here) and (
                partition is None or partition.image is not state
            ):
                self.changed.setdefault(key, ())

    def settle_some(self, now: Now) -> None:
        """Do a slice of what is left to do."""
        effort = EFFORT_A_SLICE
        while self.changed and effort > 0:
            effort -= self.settle(next(iter(self.changed)), now)
        if not self.changed and self._storage.forgotten:
            self._replicas.upkeep.checkpoint(CHECKPOINT)
        self._replicas.fetchers.send(now)

    def files_synced(self, failed: bool, now: Now) -> None:
        """Checkpoints are durable: perhaps a name is free now."""
        if self._held_back and (failed or all(map(self._is_free, self._held_back))):
            waiting, self._held_back = self._held_back, {}
            for key in waiting:
                if failed:
                    self._cannot_read(key, StorageError("the disk failed to forget the one before"))
                else:
                    self.changed.setdefault(key, ())
            self.settle_some(now)

    def _is_free(self, key: PartitionKey) -> bool:
        return self._storage.may_be_used_again(key)

    @property
    def is_done(self) -> bool:
        """Whether everything is as the metadata want it."""
        return not (self.changed or self.loading or self._held_back)

    @property
    def unopened(self) -> bool:
        """Whether there are logs on the disk that this life has not opened yet."""
        left = [key for key in self.changed if key not in self._replicas.partitions]
        return bool(self.loading) or any(map(self._storage.has, left))

    def settle(self, key: PartitionKey, now: Now) -> int:
        """Make one partition what the newest metadata say; what that cost."""
        gone = self.changed.pop(key)
        topic = self._image.topics.get(key[0])
        state = self._image.partition(*key)
        wanted = state is not None and self._replicas.config.node_id in state.replicas
        partition = self._replicas.partitions.get(key)
        effort = 1
        if partition is not None and not (
            wanted and topic is not None and partition.topic_id == topic.topic_id
        ):
            self._drop(key)
            self._put_away(key, now)
            partition = None
            effort = FILES_EFFORT
        elif partition is None and (gone or not wanted):
            self._drop(key)
            if self._owner(key) in gone or (not wanted and self._storage.has(key)):
                self._put_away(key, now)
            effort = FILES_EFFORT
        if wanted and topic is not None:
            if partition is not None:
                self._replicas.give_role(partition, now)
            elif key not in self.loading and key not in self.unreadable:
                self._open(topic, key[1], now)
                effort = FILES_EFFORT
        return effort

    def _open(self, topic: TopicImage, index: int, now: Now) -> None:
        key, config = (topic.name, index), self._log_config(topic.name)
        try:
            if self._storage.has(key):
                if self._storage.owner(key) in (None, topic.topic_id):
                    self.loading[key] = self._storage.recovery(key, config, now)
                    return
                self._storage.put_aside(key)
            self._storage.forget(key)
            if not self._storage.may_be_used_again(key):
                self._held_back[key] = None
                return
            log = Log.open(self._replicas.disk, names.folder_name(*key), config, now)
        except StorageError as error:
            self._cannot_read(key, error)
        else:
            self._add(topic, index, log, now)

    def _cannot_read(self, key: PartitionKey, error: StorageError) -> None:
        _LOG.error("%s-%d cannot be opened: %s", *key, error.message)
        self.unreadable[key] = error.message

    def _add(self, topic: TopicImage, index: int, log: Log, now: Now) -> None:
        partition = Partition(
            topic.name, topic.topic_id, index, log, self._replicas.around, self._storage.files
        )
        recorded = self._storage.recorded_high_watermark(partition.key)
        partition.high_watermark = min(max(recorded, log.log_start_offset), log.log_end_offset)
        self._replicas.partitions[partition.key] = partition
        if log.flush_due(now):
            # What a recovery found was perhaps never synced: first that, then it is vouched for.
            self._replicas.wants_sync[partition.key] = None
        if log.size_bytes:
            self._replicas.upkeep.reconsider(now)
        self._replicas.give_role(partition, now)

    def _drop(self, key: PartitionKey) -> None:
        """A partition is no longer ours: nobody finds it any more."""
        self._replicas.partitions.pop(key, None)
        self.loading.pop(key, None)
        self.unreadable.pop(key, None)
        self._held_back.pop(key, None)
        self._replicas.wants_sync.pop(key, None)
        self._replicas.fetchers.forget(key)
        self._replicas.progress.setdefault(key, 0)
        self._replicas.touched[key] = None

    def _owner(self, key: PartitionKey) -> bytes | None:
        try:
            return self._storage.owner(key)
        except StorageError:
            return None

    def _put_away(self, key: PartitionKey, now: Now) -> None:
        try:
            gone = self._storage.put_away(key)
        except StorageError as error:
            # The next start tries again.
            _LOG.warning("the files of %s-%d stay for now: %s", *key, error.message)
        else:
            self._replicas.upkeep.delete_later(gone, self._log_config(key[0]), now)

    def _apply_configs(self, kind: int, name: str, now: Now) -> None:
        if kind == CONFIG_TOPIC:
            topics = [name] if name in self._image.topics else []
        elif kind == CONFIG_BROKER:
            topics = list(self._image.topics)
        else:
            return
        for topic in topics:
            config = self._log_config(topic)
            for state in self._image.topics[topic].partitions:
                partition = self._replicas.partitions.get((topic, state.index))
                if partition is not None and partition.log.config != config:
                    partition.log.config = config
                    self._replicas.reconfigured(partition, now)

    def _log_config(self, topic: str) -> LogConfig:
        return log_config(self._replicas.config, self._image.config(CONFIG_TOPIC, topic))

    def sweep_folders(self, now: Now) -> None:
        """Once, when the image is known: finish old deletions, put aside what belongs to nobody."""
        for folder in self._replicas.disk.list(""):
            parsed = names.parse_folder(folder)
            if parsed is None or not self._replicas.disk.is_folder(folder):
                continue
            if parsed.state == "delete":
                self._replicas.upkeep.delete_later(folder, LogConfig(file_delete_delay_ms=0), now)
            elif not parsed.state and self._is_stray(parsed.topic, parsed.partition):
                self._storage.put_aside((parsed.topic, parsed.partition))
        for key in [key for key in self._storage.recovery_points if not self._is_known(key)]:
            self._storage.forget(key)
        if self._storage.forgotten:
            self._replicas.upkeep.checkpoint(CHECKPOINT)

    def _is_stray(self, topic: str, index: int) -> bool:
        return topic != METADATA_TOPIC and not self._is_known((topic, index))

    def _is_known(self, key: PartitionKey) -> bool:
        return self._image.partition(*key) is not None

    def load(self, max_bytes: int, now: Now) -> None:
        """Recover a slice: at most about `max_bytes`, and a few logs that are short."""
        for _ in range(LOGS_A_SLICE):
            if not self.loading or max_bytes <= 0:
                return
            key, recovery = next(iter(self.loading.items()))
            before = recovery.bytes_scanned
            try:
                if not recovery.step(max_bytes):
                    return
                self._add(self._image.topics[key[0]], key[1], Log(recovery), now)
            except StorageError as error:
                self._cannot_read(key, error)
            del self.loading[key]
            max_bytes -= recovery.bytes_scanned - before
