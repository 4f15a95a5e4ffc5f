"""All partitions of one broker (Kafka's `ReplicaManager` and the better half of its `LogManager`).

The metadata say which replicas this broker holds, and who leads; `apply` makes it so. For each
partition that may have changed, what is here is compared with what the newest metadata want: a log
is created or opened, a role given, a log put away. Thousands of them are done in slices; who asks
for one of them meanwhile has it done at once.

What happened is left as plain data for whoever comes next: `progress` (partitions with newly
committed bytes, or a new role: someone may be waiting), `appended` (new bytes for followers),
`wants_sync` (logs that the disk is behind with) and `touched` (for the trace).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from broker.events import (
    ISR,
    REPLICATION,
    Effect,
    Entropy,
    Now,
    PeerLost,
    ResponseArrived,
    earliest,
)
from broker.log.disk import Disk
from broker.log.log import Appended, Log
from broker.metadata.configs import BrokerConfig
from broker.metadata.image import ClusterImage, Delta
from broker.replication.alter_partition import IsrChanges
from broker.replication.assignment import Assignment
from broker.replication.fetchers import Fetchers
from broker.replication.follower import Follower
from broker.replication.partition import Partition, PartitionKey
from broker.replication.sessions import FetchSessions
from broker.replication.storage import Storage
from broker.replication.surroundings import Surroundings
from broker.replication.upkeep import Upkeep
from broker.wire.errors import ApiError, ErrorCode, InvariantError, StorageError

_LOG = logging.getLogger("broker.replication")

ALL_ACKS = -1
_AT_THE_END = Now(0, 0)


class Replicas:
    """The partitions of this broker, and the files they live in."""

    def __init__(
        self,
        disk: Disk,
        config: BrokerConfig,
        entropy: Entropy,
        effects: list[Effect] | None = None,
        *,
        clean: bool,
    ) -> None:
        self.disk = disk
        self.around = Surroundings(config, ClusterImage())
        self.partitions: dict[PartitionKey, Partition] = {}
        self.progress: dict[PartitionKey, int] = {}
        self.appended: dict[PartitionKey, int] = {}
        self.wants_sync: dict[PartitionKey, None] = {}
        self.touched: dict[PartitionKey, None] = {}
        self.storage = Storage(disk, entropy, clean=clean)
        self.upkeep = Upkeep(self)
        effects = [] if effects is None else effects
        self.isr_changes = IsrChanges(self.around, effects)
        self.fetchers = Fetchers(self, effects)
        self.sessions = FetchSessions(self)
        self.assignment = Assignment(self)
        self._cut_below: dict[PartitionKey, Partition] = {}
        self._has_peers = False
        """Whether any partition here has other replicas."""

    @property
    def config(self) -> BrokerConfig:
        """The settings of this broker; set them when they change."""
        return self.around.config

    @config.setter
    def config(self, config: BrokerConfig) -> None:
        self.around.config = config

    @property
    def image(self) -> ClusterImage:
        """The metadata, as they were applied last."""
        return self.around.image

    # -- serving ----------------------------------------------------------------------------------

    def find(self, topic: str, index: int, now: Now | None = None) -> Partition:
        """The partition, or an ApiError that says why it cannot be served here."""
        if now is not None and (topic, index) in self.assignment.changed:
            self.assignment.settle((topic, index), now)
        partition = self.partitions.get((topic, index))
        if partition is not None:
            return partition
        if (topic, index) in self.assignment.unreadable:
            raise StorageError(
                f"{topic}-{index} is offline: {self.assignment.unreadable[topic, index]}"
            )
        if self.image.partition(topic, index) is not None:
            raise ApiError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        raise ApiError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    def append(
        self, partition: Partition, batch: bytearray | memoryview, now: Now, acks: int = 1
    ) -> Appended:
        """Append a batch as the leader, and note whom it concerns."""
        partition.check_leader()
        if acks == ALL_ACKS and partition.followers and partition.is_under_min_isr:
            raise ApiError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                f"{len(partition.isr)} in sync are too few for {partition.min_isr}",
            )
        key = partition.key
        try:
            appended = partition.append(batch, now)
            if appended.duplicate:
                return appended
            partition.uncommitted_bytes += len(batch)
            self.advance(partition, now)
        except InvariantError as error:
            self.take_offline(partition, str(error))
            raise ApiError(ErrorCode.KAFKA_STORAGE_ERROR) from error
        if partition.followers:
            for follower in partition.followers.values():
                follower.left_behind()
            self.appended[key] = self.appended.get(key, 0) + len(batch)
            if not partition.lag_is_watched:
                self.isr_changes.watch(partition, now)
        if partition.log.flush_due(now):
            self.wants_sync[key] = None
        self.touched[key] = None
        self.upkeep.appended(partition, now)
        return appended

    def fetched(
        self,
        partition: Partition,
        follower: Follower,
        offset: int,
        log_start_offset: int,
        broker_epoch: int,
        now: Now,
    ) -> None:
        """A follower fetched from an offset: it has everything before it."""
        if self.around.is_stale(follower.broker_id, broker_epoch):
            raise ApiError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        before, end = follower.log_end_offset, partition.log.log_end_offset
        follower.fetched(offset, log_start_offset, broker_epoch, end, now.mono_us)
        self.isr_changes.consider(partition, follower, now)
        if offset != before:
            self.advance(partition, now)

    def advance(self, partition: Partition, now: Now) -> None:
        """Move the high watermark as far as the rules allow, and note what became readable."""
        if partition.advance_high_watermark(now):
            key = partition.key
            self.progress[key] = self.progress.get(key, 0) + partition.uncommitted_bytes
            partition.uncommitted_bytes = 0
            self.touched[key] = None

    def reconfigured(self, partition: Partition, now: Now) -> None:
        """A topic has other settings: there may be more to sync, to commit, or to delete."""
        if partition.log.flush_due(now):
            self.wants_sync[partition.key] = None
        self.advance(partition, now)
        self.upkeep.reconsider(now)

    def log_start_moved(self, partition: Partition) -> None:
        """The beginning of a log was forgotten; the followers forget it, too."""
        self.touched[partition.key] = None
        self.sessions.committed(partition.key)

    def synced(self, partition: Partition, offset: int, now: Now) -> None:
        """A log is durable up to an offset."""
        if not self._holds(partition):
            return
        partition.log.mark_flushed(offset)
        self.advance(partition, now)
        # Whoever waited for durability alone (acks=1 with flush.messages) must hear of it too.
        self.progress.setdefault(partition.key, 0)
        if partition.log.flush_due(now):
            self.wants_sync[partition.key] = None
        if not partition.is_leader:
            self.fetchers.synced(partition, now)

    def _holds(self, partition: Partition) -> bool:
        """Whether it is still here; another topic may have come under its name."""
        return self.partitions.get(partition.key) is partition

    def take_offline(self, partition: Partition, why: str) -> None:
        """Serve this partition no more: going on could harm what is stored."""
        if self._holds(partition) and not partition.offline:
            partition.offline = why
            _LOG.error("%s is offline until the broker restarts: %s", partition.name, why)
            self.fetchers.forget(partition.key)
            self.progress.setdefault(partition.key, 0)
            self.touched[partition.key] = None

    def drain_progress(self) -> dict[PartitionKey, int]:
        """Partitions where something happened since the last call, with newly committed bytes."""
        progress, self.progress = self.progress, {}
        return progress

    def drain_appended(self) -> dict[PartitionKey, int]:
        """Partitions with new bytes at the end of the log, for those who follow it."""
        appended, self.appended = self.appended, {}
        return appended

    # -- what a follower's log went through --------------------------------------------------------

    def copied(self, partition: Partition, now: Now) -> None:
        """A follower's log has grown."""
        if partition.log.flush_due(now):
            self.wants_sync[partition.key] = None
        self.touched[partition.key] = None
        self.upkeep.appended(partition, now)

    def progressed(self, partition: Partition, new_bytes: int) -> None:
        """A follower's high watermark has moved: consumers may be waiting here, too."""
        key = partition.key
        self.progress[key] = self.progress.get(key, 0) + new_bytes
        self.touched[key] = None

    def was_cut(self, partition: Partition, was_durable: bool) -> None:
        """A follower's log was cut, perhaps below what the checkpoint calls durable."""
        self.progress.setdefault(partition.key, 0)
        self.touched[partition.key] = None
        if was_durable:
            self._cut_below[partition.key] = partition

    def write_cuts(self) -> None:
        """Before anything is written in the place of what was cut, the checkpoint must not call it
        durable any more."""
        cut, self._cut_below = self._cut_below, {}
        if cut:
            try:
                self.storage.write_recovery_points(cut.values())
            except StorageError as error:
                for partition in cut.values():
                    self.take_offline(partition, error.message)

    def disconnected(self, connection: int) -> None:
        """Nobody fetches on a connection any more."""
        self.sessions.close(connection)

    # -- the other brokers ------------------------------------------------------------------------

    def set_controller(self, leader_id: int, broker_epoch: int, now: Now) -> None:
        """Who the active controller is, and in which run this broker is registered there."""
        around = self.around
        if (leader_id, broker_epoch) == (around.controller_id, around.broker_epoch):
            return
        around.controller_id, around.broker_epoch = leader_id, broker_epoch
        self.isr_changes.controller_changed(now)
        self.fetchers.wake_all(now)

    def response(self, event: ResponseArrived, now: Now) -> None:
        """A leader, or the controller, has answered."""
        if event.lane == REPLICATION:
            self.fetchers.response(event, now)
        elif event.lane == ISR:
            self.isr_changes.response(event, now)
            self._reconsider(now)

    def peer_lost(self, event: PeerLost, now: Now) -> None:
        """The way to another node is gone."""
        if event.lane == REPLICATION:
            self.fetchers.peer_lost(event, now)
        elif event.lane == ISR:
            self.isr_changes.peer_lost(event, now)

    def _reconsider(self, now: Now) -> None:
        partitions, self.isr_changes.to_reconsider = self.isr_changes.to_reconsider, {}
        for key, partition in partitions.items():
            self.touched[key] = None
            self.advance(partition, now)
            self.isr_changes.reconsider(partition, now)

    # -- time -------------------------------------------------------------------------------------

    def deadline(self) -> int | None:
        """When something is due; the past while there is work to be done."""
        if self.assignment.loading or self.assignment.changed:
            return 0
        if not self._has_peers:
            return self.upkeep.deadline()
        return earliest(
            self.upkeep.deadline(), self.isr_changes.deadline(), self.fetchers.deadline()
        )

    def run(self, now: Now) -> None:
        """Do a slice of what is due."""
        if self.assignment.changed:
            self.assignment.settle_some(now)
        self.isr_changes.run(now)
        self._reconsider(now)
        self.fetchers.run(now)
        self.upkeep.run(now)

    # -- the metadata -----------------------------------------------------------------------------

    def apply(self, image: ClusterImage, delta: Delta, now: Now) -> None:
        """Make this broker's partitions what the metadata say; the rest of much in slices."""
        self.around.image = image
        self.assignment.apply(image, delta, now)
        if self._has_peers:
            self._brokers_came([i for i in delta.brokers if image.is_active(i)], now)

    def _brokers_came(self, broker_ids: list[int], now: Now) -> None:
        """Brokers that may be in sync from now on: perhaps they have everything already."""
        for broker_id in broker_ids:
            self.fetchers.returned(broker_id)
            for partition in self.partitions.values():
                if broker_id in partition.followers and broker_id not in partition.isr:
                    self.isr_changes.reconsider(partition, now)

    def give_role(self, partition: Partition, now: Now) -> None:
        """Lead, or follow, as the newest metadata say."""
        state = self.image.partition(*partition.key)
        if state is None or not partition.become(state, now):
            return
        self._has_peers |= len(state.replicas) > 1
        if partition.is_leader:
            self.fetchers.forget(partition.key)
            self.advance(partition, now)
            self.isr_changes.reconsider(partition, now)
        else:
            self.fetchers.follow(partition, now)
        self.progress.setdefault(partition.key, 0)
        self.touched[partition.key] = None

    def sweep_folders(self, now: Now) -> None:
        """Once, when the image is known: finish old deletions, put aside what belongs to nobody."""
        self.assignment.sweep_folders(now)

    def load(self, max_bytes: int, now: Now) -> None:
        """Recover a slice: at most about `max_bytes` of one log."""
        self.assignment.load(max_bytes, now)

    # -- opening and closing ----------------------------------------------------------------------

    @property
    def loading(self) -> bool:
        """Whether logs are being recovered."""
        return bool(self.assignment.loading)

    def logs(self) -> Iterator[tuple[PartitionKey, Log]]:
        """All logs that are in use and sound."""
        for key, partition in self.partitions.items():
            if not partition.offline:
                yield key, partition.log

    @property
    def are_open(self) -> bool:
        """Whether every log is recovered, and vouches for all that it did before (KIP-207)."""
        return self.assignment.is_done and not any(
            partition.own_end_offset < partition.log.log_end_offset and not partition.offline
            for partition in self.partitions.values()
        )

    @property
    def all_sound(self) -> bool:
        """Whether no log has failed, and each is open or as a stop in order has left it."""
        unknown = self.assignment.unopened and not self.storage.clean
        failed = any(partition.offline for partition in self.partitions.values())
        return not (unknown or self.assignment.unreadable or failed)

    def closed(self, now: Now = _AT_THE_END) -> None:
        """Every log is closed and synced: write down where each of them ends."""
        for partition in self.partitions.values():
            if not partition.offline:
                partition.log.closed()
                self.advance(partition, now)
        self.storage.write_offsets(self.partitions.values(), now=True)

    def files_synced(self, failed: bool, now: Now) -> None:
        """Small files are durable, or could not be made so."""
        self.storage.files.done(failed)
        self.assignment.files_synced(failed, now)

    def write_checkpoints(self) -> None:
        """Write down recovery points, high watermarks and log starts of all partitions."""
        self.storage.write_offsets(self.partitions.values())

    def write_high_watermarks(self) -> None:
        """Write down every high watermark, so that a restart begins close to the truth."""
        self.storage.write_high_watermarks(self.partitions.values())
