"""One partition on one broker: a log and its role in the cluster.

    log start ........ high watermark ........ log end
      read by consumers              not yet committed

The leader appends and moves the high watermark; here are the rules by which it may
(Kafka's `Partition.scala`). Every request that names a leader epoch is held against ours (KIP-320):
a client that knows less than we do is fenced, one that knows more must wait until we have heard.
"""

from __future__ import annotations

from broker.events import Now
from broker.log.checkpoints import read_partition_metadata, write_partition_metadata
from broker.log.config import FOREVER
from broker.log.log import Appended, Log
from broker.metadata.image import PartitionImage
from broker.wire.errors import ApiError, ErrorCode, StorageError, invariant

ANY_EPOCH = -1
"""A request from a client that does not know the leader's epoch."""

PartitionKey = tuple[str, int]


class Partition:
    """A replica of a partition, and what this broker knows about its role."""

    def __init__(self, topic: str, topic_id: bytes, index: int, log: Log, broker_id: int) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self.index = index
        self.key: PartitionKey = (topic, index)
        self.log = log
        self.broker_id = broker_id
        self.leader = -1
        self.is_leader = False
        """Whether this broker takes its appends."""
        self.leader_epoch = -1
        self.partition_epoch = -1
        self.replicas: tuple[int, ...] = ()
        self.isr: tuple[int, ...] = ()
        self.high_watermark = log.log_start_offset
        self.uncommitted_bytes = 0
        """Appended since the high watermark last moved: what its next move makes readable."""
        self._placed = False
        self.offline = ""
        """Why the disk or an invariant failed, or empty: then every request is refused."""

    @property
    def name(self) -> str:
        """As its folder is called: orders-0."""
        return f"{self.topic}-{self.index}"

    @property
    def last_stable_offset(self) -> int:
        """Up to where every transaction is decided; without transactions, all that is committed."""
        return self.high_watermark

    @property
    def own_end_offset(self) -> int:
        """How much of its log this replica vouches for.

        That is all of it, unless flush.messages asks for a sync first: Kafka syncs such a log
        within the append, so that nobody learns of a record that could be lost with the power.
        """
        if self.log.config.flush_messages != FOREVER and self.awaits_flush:
            return max(self.high_watermark, self.log.recovery_point)
        return self.log.log_end_offset

    @property
    def awaits_flush(self) -> bool:
        """Whether flush.messages asks for a sync now."""
        return self.log.unflushed_records >= self.log.config.flush_messages

    def become(self, image: PartitionImage) -> None:
        """Take the role that the metadata give to this broker."""
        led_before = self.is_leader
        new_epoch = image.leader_epoch > self.leader_epoch
        self.leader = image.leader
        self.is_leader = image.leader == self.broker_id
        self.leader_epoch = image.leader_epoch
        self.partition_epoch = image.partition_epoch
        self.replicas = image.replicas
        self.isr = image.isr
        if self.is_leader and (new_epoch or not led_before):
            # Where the epoch begins is noted on election, not with its first record (KAFKA-7415).
            self.log.assign_epoch(self.leader_epoch)

    def check_leader(self, current_leader_epoch: int = ANY_EPOCH) -> None:
        """Raise unless this broker leads the partition in the epoch that the client believes in."""
        if self.offline:
            raise StorageError(f"{self.name} is offline: {self.offline}")
        if current_leader_epoch > ANY_EPOCH:
            if current_leader_epoch < self.leader_epoch:
                raise ApiError(ErrorCode.FENCED_LEADER_EPOCH)
            if current_leader_epoch > self.leader_epoch:
                raise ApiError(ErrorCode.UNKNOWN_LEADER_EPOCH)
        if not self.is_leader:
            raise ApiError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def append(self, batch: bytearray | memoryview, now: Now) -> Appended:
        """Append one batch as the leader; it is committed once the high watermark is past it."""
        if not self._placed:
            self._place()
        return self.log.append(batch, self.leader_epoch, now)

    def _place(self) -> None:
        """Make durable whose folder this is, before it holds a first record.

        Otherwise the loss of power could leave records of which nobody knows the topic (Kafka's
        `UnifiedLog.maybeFlushMetadataFile`).
        """
        folder, disk = self.log.folder, self.log.disk
        if read_partition_metadata(disk, folder) is None:
            write_partition_metadata(disk, folder, self.topic_id)
            disk.sync_now([""])
        self._placed = True

    def advance_high_watermark(self) -> bool:
        """Move it to the least log end among the in-sync replicas; true if it moved.

        This broker is the only replica whose log end it knows, so it decides alone.
        """
        end = self.own_end_offset
        if not self.is_leader or end <= self.high_watermark:
            return False
        invariant(
            self.log.log_start_offset <= end <= self.log.log_end_offset,
            "the high watermark lies between log start and log end",
        )
        self.high_watermark = end
        return True
