"""One partition on one broker: a log and its role in the cluster.

    log start ........ high watermark ........ log end
      read by consumers              not yet on all in-sync replicas

The leader appends and moves the high watermark; here are the rules by which it may (Kafka's
`Partition.scala`). Followers copy its log, and believe its high watermark. Every request that names
a leader epoch is held against ours (KIP-320): who knows less than we do is fenced, who knows more
must wait until we have heard.

Two epochs count two things. The *leader epoch* grows with each election. The *partition epoch*
grows with each change of any kind, and orders what we hear of the partition on two ways: from the
metadata log, and in the controller's answer to a change of ours, which comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.events import Now
from broker.log.checkpoints import partition_metadata_path, partition_metadata_text
from broker.log.config import FOREVER
from broker.log.log import Appended, Log
from broker.metadata.image import PartitionImage
from broker.replication.follower import NEVER, NO_OFFSET, Follower
from broker.replication.small_files import SmallFiles
from broker.replication.surroundings import Surroundings
from broker.wire.errors import ApiError, ErrorCode, StorageError, invariant

if TYPE_CHECKING:
    from broker.replication.isr import Proposal

ANY_EPOCH = -1
"""A request from a client that does not know the leader's epoch."""

PartitionKey = tuple[str, int]


class Partition:
    """A replica of a partition, and what this broker knows about its role."""

    def __init__(
        self,
        topic: str,
        topic_id: bytes,
        index: int,
        log: Log,
        around: Surroundings,
        files: SmallFiles,
    ) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self.index = index
        self.key: PartitionKey = (topic, index)
        self.log = log
        self.around = around
        self.broker_id = around.broker_id
        self.image: PartitionImage | None = None
        """The metadata that gave the present role."""
        self.leader = -1
        self.is_leader = False
        """Whether this broker takes its appends."""
        self.leader_epoch = -1
        self._leading_in: tuple[int, ...] = ()
        """What a request may take for the leader epoch, without a closer look."""
        self.partition_epoch = -1
        self.replicas: tuple[int, ...] = ()
        self.isr: tuple[int, ...] = ()
        """Who is in sync, as the controller has confirmed it."""
        self.pending: Proposal | None = None
        """Another set of in-sync replicas, which the controller was asked for."""
        self.followers: dict[int, Follower] = {}
        """On the leader: the other replicas, in their order."""
        self.epoch_start_offset = NO_OFFSET
        """On the leader: where its epoch begins."""
        self.high_watermark = log.log_start_offset
        self.uncommitted_bytes = 0
        """Appended since the high watermark last moved: what its next move makes readable."""
        self.lag_is_watched = False
        """Whether a look at who is behind is planned."""
        self._files = files
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

    # -- roles ------------------------------------------------------------------------------------

    def become(self, image: PartitionImage, now: Now) -> bool:
        """Take the role that the metadata give to this broker; False if there is nothing new.

        The controller's answer to a change of ours may have told us the same before, or more.
        """
        if image is self.image or image.partition_epoch < self.partition_epoch:
            return False
        led_before = self.is_leader
        new_epoch = image.leader_epoch > self.leader_epoch
        if new_epoch or image.partition_epoch > self.partition_epoch:
            # Whatever we asked for meanwhile started from a state that is no more.
            self.isr, self.pending = image.isr, None
        self.image = image
        self.leader = image.leader
        self.is_leader = image.leader == self.broker_id
        self.leader_epoch = image.leader_epoch
        self._leading_in = (ANY_EPOCH, image.leader_epoch)
        self.partition_epoch = image.partition_epoch
        self.replicas = image.replicas
        if self.is_leader:
            others = [i for i in image.replicas if i != self.broker_id]
            self.followers = {i: self.followers.get(i) or Follower(i) for i in others}
            if new_epoch or not led_before:
                self._begin_epoch(led_before, now)
        else:
            self.followers = {}
            self.epoch_start_offset = NO_OFFSET
            self.pending = None
        return True

    def _begin_epoch(self, led_before: bool, now: Now) -> None:
        # Where the epoch begins is noted on election, not with its first record (KAFKA-7415).
        end = self.epoch_start_offset = self.log.log_end_offset
        self.log.assign_epoch(self.leader_epoch)
        for follower in self.followers.values():
            in_sync = follower.broker_id in self.isr
            if not led_before:
                follower.forget(now.mono_us if in_sync else NEVER)
            else:
                follower.led_anew(end, now.mono_us if in_sync else NEVER)

    # -- who may ask ------------------------------------------------------------------------------

    def check_leader(self, current_leader_epoch: int = ANY_EPOCH) -> None:
        """Raise unless this broker leads the partition in the epoch that the client believes in."""
        if self.is_leader and not self.offline and current_leader_epoch in self._leading_in:
            return
        self.check_epoch(current_leader_epoch)
        if not self.is_leader:
            raise ApiError(ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def check_epoch(self, current_leader_epoch: int) -> None:
        """Raise unless the log can be used, and the client believes in the epoch that we know."""
        if self.offline:
            raise StorageError(f"{self.name} is offline: {self.offline}")
        if current_leader_epoch > ANY_EPOCH:
            if current_leader_epoch < self.leader_epoch:
                raise ApiError(ErrorCode.FENCED_LEADER_EPOCH)
            if current_leader_epoch > self.leader_epoch:
                raise ApiError(ErrorCode.UNKNOWN_LEADER_EPOCH)

    def follower(self, broker_id: int, current_leader_epoch: int) -> Follower:
        """A replica that fetches from us. One that we do not know of may only be known already to
        others: a reassignment that has not reached us yet (`followerReplicaOrThrow`)."""
        found = self.followers.get(broker_id)
        if found is None:
            known = current_leader_epoch > ANY_EPOCH
            raise ApiError(
                ErrorCode.UNKNOWN_LEADER_EPOCH if known else ErrorCode.NOT_LEADER_OR_FOLLOWER
            )
        return found

    def diverges(self, epoch: int, offset: int) -> tuple[int, int] | None:
        """Whether a log that ends at `offset`, with a record of `epoch`, has gone another way than
        ours: then the largest epoch that both may have, and where it ends here (KIP-595)."""
        common, end = self.log.end_offset_for_epoch(epoch)
        if common < 0 or end < 0:
            raise ApiError(
                ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.name}: epoch {epoch} is unknown here"
            )
        if offset < self.log.log_start_offset:
            raise ApiError(
                ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.name}: offset {offset} is before the start"
            )
        return (common, end) if common < epoch or end < offset else None

    # -- appends ----------------------------------------------------------------------------------

    def append(self, batch: bytearray | memoryview, now: Now) -> Appended:
        """Append one batch as the leader; it is committed once the high watermark is past it."""
        if not self._placed:
            self.place()
        return self.log.append(batch, self.leader_epoch, now)

    def place(self) -> None:
        """Write down whose folder this is, once it holds a first record (Kafka's
        `UnifiedLog.maybeFlushMetadataFile`).

        Nobody waits until that is durable. Should the power fail before, the records are taken for
        those of the topic that has the name, which they are: a topic that goes away sooner than
        that takes care that its folder does not come back (`Storage.put_away`).
        """
        if not self._placed:
            path = partition_metadata_path(self.log.folder)
            if not self.log.disk.exists(path):
                self._files.replace(path, partition_metadata_text(self.topic_id))
            self._placed = True

    # -- the high watermark -----------------------------------------------------------------------

    @property
    def maximal_isr(self) -> tuple[int, ...]:
        """Who may be in sync in the controller's eyes: also those whom we have asked for (KIP-497).

        To wait for one too many is safe; to wait for one too few loses what was acknowledged.
        """
        return self.isr if self.pending is None else self.pending.maximal_isr

    @property
    def min_isr(self) -> int:
        """min.insync.replicas, but never more than there are replicas."""
        return min(self.log.config.min_insync_replicas, len(self.followers) + 1)

    @property
    def is_under_min_isr(self) -> bool:
        """Whether too few are in sync to acknowledge anything."""
        return len(self.isr) < self.min_isr

    def advance_high_watermark(self, now: Now) -> bool:
        """Move it to the least log end among those who may be in sync; true if it moved."""
        end = self.own_end_offset
        if not self.is_leader or end <= self.high_watermark:
            return False
        if self.followers:
            end = min(end, self._replicated_end(now))
            if end <= self.high_watermark:
                return False
        invariant(
            self.log.log_start_offset <= end <= self.log.log_end_offset,
            "the high watermark lies between log start and log end",
        )
        self.high_watermark = end
        return True

    def _replicated_end(self, now: Now) -> int:
        """How far all have come who count.

        A follower that keeps up and may join counts before it has joined: else the high watermark
        would run ahead of it at the pace of the leader alone, and it could never catch up with it.
        """
        if self.is_under_min_isr:
            return self.high_watermark
        leader_end = end = self.log.log_end_offset
        maximal, around = self.maximal_isr, self.around
        for follower in self.followers.values():
            if follower.log_end_offset < end and (
                follower.broker_id in maximal
                or (
                    follower.is_caught_up(leader_end, now.mono_us, around.lag_us)
                    and around.may_be_in_sync(follower.broker_id, follower.broker_epoch)
                )
            ):
                end = follower.log_end_offset
        return end

    def follow_high_watermark(self, leaders: int, leaders_log_start: int) -> bool:
        """Believe the leader, as far as our log goes; true if the high watermark moved.

        It may be less than what we knew: a new leader learns it late.
        """
        log = self.log
        before = self.high_watermark
        self.high_watermark = min(max(leaders, log.log_start_offset), log.log_end_offset)
        log.advance_log_start(min(leaders_log_start, self.high_watermark), self.high_watermark)
        return self.high_watermark != before

    def was_cut(self) -> None:
        """The log ends earlier than it did: nothing beyond its end is committed here."""
        log = self.log
        self.high_watermark = max(
            min(self.high_watermark, log.log_end_offset), log.log_start_offset
        )
